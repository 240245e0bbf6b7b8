"""What the shop sells."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Product:
    """Something to buy, and its price today."""

    sku: str
    title: str
    price: Decimal


PRODUCTS = {
    product.sku: product
    for product in [
        Product("kettle", "Copper kettle", Decimal("79.00")),
        Product("teapot", "Stoneware teapot", Decimal("34.50")),
        Product("tea", "First flush, 100 g", Decimal("12.90")),
    ]
}
