"""The tables of a batch, in the order in which they are written: whoever is named stands before who names them."""

import pytest

from routing import targets as written


@pytest.mark.parametrize("targets", [written.TARGETS, written.ACT_TARGETS, written.AGAIN_TARGETS])
def test_no_row_names_one_that_is_written_later(targets):
    inserted = [target for target in targets if not target.update]
    place = {target.model: number for number, target in enumerate(inserted)}
    named_too_early = [
        (target.table, field.name)
        for number, target in enumerate(inserted)
        for field in target.columns()
        if field.is_relation and place.get(field.related_model, -1) > number
    ]
    assert named_too_early == []
