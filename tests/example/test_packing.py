"""Packing: a coordinator, its packers, and what they bring back."""

import pytest

from django_durable.models import Notification, Workflow
from example_project.packing.workflows import pack_parcels

pytestmark = pytest.mark.django_db


def parcels(count):
    return [f"parcel {number}" for number in range(1, count + 1)]


def test_each_parcel_is_packed_once_and_in_order(durable):
    handle = pack_parcels.start(parcels(7))

    durable.run_until_idle()

    assert handle.get_result() == {
        "packer 1": [f"parcel {n}, packed by packer 1" for n in (1, 4, 7)],
        "packer 2": [f"parcel {n}, packed by packer 2" for n in (2, 5)],
        "packer 3": [f"parcel {n}, packed by packer 3" for n in (3, 6)],
    }
    assert not Notification.objects.filter(consumed_by=None).exists()


def test_a_packer_without_parcels_is_stopped_too(durable):
    handle = pack_parcels.start(["parcel 1"], packers=2)

    durable.run_until_idle()

    assert handle.get_result()["packer 2"] == []
    assert Workflow.objects.active().count() == 0


def test_packers_stop_with_a_coordinator_that_is_cancelled(durable):
    handle = pack_parcels.start(parcels(3))
    with durable.fail_step("pack", RuntimeError("out of paper"), times=1):
        durable.run_until_idle()
    failed = Workflow.objects.failed().count()

    Workflow.objects.filter(pk=handle.workflow_id).cancel("enough")

    assert failed > 0
    assert Workflow.objects.active().count() == 0


def test_the_page_shows_how_far_each_packer_has_come(client, durable):
    address = client.post("/packing/start/", {"parcels": 5, "packers": 2}).url
    before = client.get(address).content.decode()

    durable.run_until_idle()

    after = client.get(address).content.decode()
    assert "Nobody is packing yet." in before
    assert "http-equiv" in before
    assert "<td>packer 1</td>" in after
    assert '<td class="number">3</td>' in after
    assert "http-equiv" not in after
    assert "5 parcels" in after


@pytest.mark.parametrize("form", [{}, {"parcels": 0, "packers": 1}, {"parcels": 1}])
def test_an_ill_formed_order_is_refused(client, form):
    response = client.post("/packing/start/", form)

    assert response.status_code == 400
    assert Workflow.objects.count() == 0


def test_only_packings_are_shown(client):
    unknown = "/packing/01890000-0000-7000-8000-000000000000/"

    assert client.get(unknown).status_code == 404
    assert client.get("/packing/order-1/").status_code == 404


def test_the_packings_are_listed(client, durable):
    client.post("/packing/start/", {"parcels": 5, "packers": 2})

    page = client.get("/packing/").content.decode()

    assert '<td class="number">5</td>' in page
