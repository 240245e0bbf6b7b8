"""Deployments: two gates, and the ways through them and back."""

import pytest

import django_durable
from django_durable.models import Notification, Workflow
from example_project.deployments.models import Environment

pytestmark = pytest.mark.django_db


@pytest.fixture
def release(staff, durable):
    """Return a function that deploys a version and gives the answers at its gates."""

    def deploy(version, *answers, reason=""):
        staff.post("/deployments/start/", {"version": version})
        durable.run_until_idle()
        for answer in answers:
            response = staff.post(
                f"/deployments/{version}/answer/", {"answer": answer, "reason": reason}
            )
            assert response.status_code == 302
            durable.run_until_idle()
        return django_durable.retrieve_workflow(f"deployment-{version}")

    return deploy


def running():
    return dict(Environment.objects.values_list("name", "version"))


def test_a_version_waits_on_staging_as_long_as_it_takes(release, durable):
    deployment = release("1.0")

    durable.run_for(days=100)

    assert running() == {"staging": "1.0"}
    assert deployment.get_status() == "WAITING"
    assert django_durable.get_events("deployment-1.0") == {"gate": "staging"}


def test_a_verified_version_stays_in_production(release):
    deployment = release("1.0", "approve", "works")

    assert running() == {"staging": "1.0", "production": "1.0"}
    assert deployment.get_result() == {"status": "deployed", "reason": ""}


def test_a_version_that_fails_is_rolled_back_to_the_one_before(release):
    release("1.0", "approve", "works")

    deployment = release("1.1", "approve", "fails", reason="Cold tea.")

    assert running() == {"staging": "1.1", "production": "1.0"}
    assert deployment.get_result() == {"status": "rolled back", "reason": "Cold tea."}


def test_a_version_that_nobody_verifies_within_an_hour_is_rolled_back(release, durable):
    release("1.0", "approve", "works")
    deployment = release("1.1", "approve")

    durable.run_for(minutes=59)
    before = running()["production"]
    durable.run_for(minutes=1)

    assert before == "1.1"
    assert running()["production"] == "1.0"
    assert deployment.get_result()["reason"] == "Nobody verified it within an hour."


def test_a_withdrawn_version_never_comes_to_production(release):
    deployment = release("1.0", "withdraw")

    assert running() == {"staging": "1.0"}
    assert deployment.get_result()["status"] == "withdrawn"


def test_a_rollback_does_not_undo_a_later_deployment(release, durable):
    release("1.0", "approve")
    release("1.1", "approve", "works")

    durable.run_for(hours=1)

    assert running()["production"] == "1.1"


def test_an_answer_that_is_given_twice_is_sent_once(release):
    release("1.0", "approve", "approve")

    assert Notification.objects.count() == 1


def test_a_version_is_deployed_once(release, durable):
    release("1.0", "approve", "works")

    release("1.0")

    assert Workflow.objects.count() == 1
    assert django_durable.get_events("deployment-1.0")["outcome"] == {
        "status": "deployed",
        "reason": "",
    }


def test_the_page_shows_the_buttons_of_the_gate(release, staff):
    release("1.0")
    at_staging = staff.get("/deployments/1.0/").content.decode()
    release("1.0", "approve")
    in_production = staff.get("/deployments/1.0/").content.decode()
    release("1.0", "works")
    at_the_end = staff.get("/deployments/1.0/").content.decode()

    assert 'value="approve"' in at_staging
    assert 'value="works"' in in_production
    assert "<button" not in at_the_end
    assert "deployed" in at_the_end


def test_who_is_not_of_the_staff_may_only_look(release, client):
    release("1.0")

    answers = [
        client.post("/deployments/start/", {"version": "1.1"}),
        client.post("/deployments/1.0/answer/", {"answer": "approve"}),
    ]

    page = client.get("/deployments/1.0/").content.decode()
    assert all(answer.url.startswith("/admin/login/") for answer in answers)
    assert Notification.objects.count() == 0
    assert Workflow.objects.count() == 1
    assert "<button" not in page


@pytest.mark.parametrize("version", ["", "one", "1", "1.0\n", "1.0/../2.0", "9" * 21])
def test_what_is_no_version_is_not_deployed(staff, version):
    response = staff.post("/deployments/start/", {"version": version})

    assert response.status_code == 400
    assert Workflow.objects.count() == 0


def test_an_unknown_deployment_is_not_found(staff):
    form = {"answer": "approve"}

    assert staff.get("/deployments/9.9/").status_code == 404
    assert staff.post("/deployments/9.9/answer/", form).status_code == 404
    assert staff.get("/deployments/%00/").status_code == 404


def test_what_is_no_answer_is_refused(release, staff):
    release("1.0")

    response = staff.post("/deployments/1.0/answer/", {"answer": "perhaps"})

    assert response.status_code == 400
    assert Notification.objects.count() == 0


def test_the_deployments_are_listed_with_what_runs_where(release, client):
    release("1.0")

    page = client.get("/deployments/").content.decode()

    assert 'href="/deployments/1.0/"' in page
    assert "<dt>staging</dt><dd>1.0</dd>" in page
