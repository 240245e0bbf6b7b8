"""How many hands pack many parcels: a coordinator, and packers that take tasks."""

import django_durable as durable
from django_durable import Message
from example_project.packing import bench

STOP = "STOP"


@durable.workflow
def pack_parcels(parcels: list[str], packers: int = 3) -> dict[str, list[str]]:
    """Deal parcels out to packers, and return the labels that each has printed."""
    durable.set_summary(f"{len(parcels)} parcels, {packers} packers")
    names = [f"packer {number}" for number in range(1, packers + 1)]
    handles = [pack_until_stopped.start(name) for name in names]
    ids = [handle.workflow_id for handle in handles]

    tasks = [
        Message(ids[number % packers], parcel) for number, parcel in enumerate(parcels)
    ]
    durable.send_many(tasks + [Message(packer, STOP) for packer in ids])

    return {
        name: handle.get_result() for name, handle in zip(names, handles, strict=True)
    }


@durable.workflow
def pack_until_stopped(name: str) -> list[str]:
    """Pack what comes, in the order in which it was sent."""
    labels: list[str] = []
    # No time-out: when the coordinator is cancelled, its packers are as well.
    while (parcel := durable.recv()) != STOP:
        labels.append(pack(name, parcel))
        durable.set_event("progress", {"name": name, "packed": len(labels)})
    return labels


@durable.step
def pack(name: str, parcel: str) -> str:
    """Pack a parcel and return its label."""
    return bench.pack(name, parcel)
