"""What customers and the staff of the shop do in a week."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import django_durable as durable
from example_project.advice.models import Question
from example_project.advice.workflows import answer_question
from example_project.approvals.models import Purchase
from example_project.approvals.workflows import approve_purchase
from example_project.orders.catalogue import PRODUCTS
from example_project.orders.models import Order
from example_project.orders.workflows import fulfil_order
from example_project.seed.timeline import Timeline

CUSTOMERS = (
    *("Ada", "Grace", "Barbara", "Katherine", "Radia", "Hedy", "Margaret", "Karen"),
    *("Edsger", "Niklaus", "Donald", "Tony", "Alan", "Dennis", "Ken", "Linus"),
)
WISHES = (
    *(("A third teapot", 89), ("Linen towels", 42), ("A label printer", 310)),
    *(("Cardboard, 200 pieces", 120), ("A better kettle", 260), ("Shelves", 480)),
    *(("Flowers for the counter", 25), ("A second scale", 150)),
)
QUESTIONS = (
    "How warm should the water be?",
    "Which pot keeps the tea warm?",
    "What do I do with the leaves?",
    "Milk first?",
    "How long does it have to draw?",
)


def order(timeline: Timeline, *, sku: str = "", payment: str = "") -> Order:
    """Let a customer order something, and others report about it later."""
    chance = timeline.chance
    skus = chance.sample(sorted(PRODUCTS), chance.randint(1, 3))
    items = {sku: chance.randint(1, 4) for sku in skus}
    if sku:
        items[sku] = 1
    placed = Order.objects.create(
        customer=chance.choice(CUSTOMERS),
        payment=payment
        or chance.choices(["good", "flaky", "refused"], [75, 15, 10])[0],
        created_at=timeline.now,
    )
    start = fulfil_order.using(
        workflow_id=placed.workflow_id,
        subject=placed,
        attributes={"customer": placed.customer, "channel": chance.choice(CHANNELS)},
        priority=10 if chance.random() < 0.1 else 0,
    ).start
    start(placed.pk, placed.customer, placed.payment, items)
    if chance.random() < 0.95:
        verdict = {"approved": chance.random() < 0.95, "risk_score": chance.random()}
        message = partial(durable.send, placed.workflow_id, verdict, "fraud_check")
        timeline.after(timeline.some(minutes=1), message)
    if chance.random() < 0.97:
        report = {"delivered": chance.random() < 0.94}
        message = partial(durable.send, placed.workflow_id, report, "delivery")
        timeline.after(timeline.some(minutes=60 * 40), message)
    return placed


CHANNELS = ("web", "web", "web", "phone", "market")


def purchase(timeline: Timeline) -> None:
    """Let somebody wish for something; mostly somebody else decides in time."""
    chance = timeline.chance
    title, price = chance.choice(WISHES)
    wish = Purchase.objects.create(
        title=title,
        price=Decimal(price),
        asked_by=chance.choice(CUSTOMERS),
        created_at=timeline.now,
    )
    approve_purchase.using(
        workflow_id=wish.workflow_id, subject=wish, queue_name="office"
    ).start(wish.pk)
    if chance.random() < 0.8:
        timeline.after(timeline.some(minutes=60 * 11), partial(decide, timeline, wish))


def decide(timeline: Timeline, wish: Purchase) -> None:
    """Let a member of the staff decide, as the page does."""
    if not Purchase.objects.decide(wish.pk, "grace"):
        return
    yes = timeline.chance.random() < 0.7
    reason = "" if yes else timeline.chance.choice(["Too dear.", "Not this year."])
    answer = {"approved": yes, "reason": reason}
    durable.send(wish.workflow_id, answer, "decision")


def question(timeline: Timeline) -> None:
    """Let a customer ask the tea master, who answers into a stream."""
    text = timeline.chance.choice(QUESTIONS)
    asked = Question.objects.create(text=text, asked_at=timeline.now)
    answer_question.using(
        workflow_id=asked.workflow_id, subject=asked, queue_name="advice"
    ).start(asked.pk)


def plan(timeline: Timeline, begin: datetime, *, orders: int) -> None:
    """Plan a week: fewer customers at night, and about as many every day."""
    for happening, count in (
        (order, orders),
        (purchase, orders // 4),
        (question, orders // 4),
    ):
        for _ in range(count):
            timeline.at(_moment(timeline, begin), partial(happening, timeline))
    # What has only just happened is what people look at first.
    for minutes in (180, 90, 45, 20, 9, 4, 2):
        just_now = timeline.end - timedelta(minutes=minutes)
        timeline.at(just_now, partial(order, timeline))
        timeline.at(just_now, partial(purchase, timeline))


def _moment(timeline: Timeline, begin: datetime) -> datetime:
    day = timeline.chance.randrange((timeline.end - begin).days)
    hour = timeline.chance.triangular(6, 23, 15)
    return begin + timedelta(days=day, hours=hour)
