"""A version or an answer in, what tests of publishing look at out."""

import re

from routing.models import RuleSetVersion


def address(version, page="publish"):
    return f"/admin/routing/rulesetversion/{version.pk}/{page}/"


def state(version):
    return RuleSetVersion.objects.values_list("state", flat=True).get(pk=version.pk)


def words(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def hidden(page):
    """What the form of a page carries along."""
    return dict(re.findall(r'type="hidden" name="(seen|live)" value="(\d+)"', page.content.decode()))
