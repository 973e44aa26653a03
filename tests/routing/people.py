"""Names and roles in, users and signed-in browsers out."""

from django.test import Client

from owners.models import User
from owners.roles import give_role


def sign_up(name, role):
    user = User.objects.create(username=name)
    give_role(user, role)
    return user


def sign_in(name, role=None):
    """A browser of the user of that name, made now if there is a `role`."""
    client = Client()
    client.force_login(sign_up(name, role) if role else User.objects.get(username=name))
    return client
