"""What a customer fills in."""

from typing import Any

from django import forms

from example_project.orders.catalogue import PRODUCTS
from example_project.orders.models import Order


class OrderForm(forms.ModelForm):
    """Who buys, how they pay, and how many of each product."""

    class Meta:
        model = Order
        fields = ["customer", "payment"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for product in PRODUCTS.values():
            self.fields[product.sku] = forms.IntegerField(
                label=f"{product.title} ({product.price} €)",
                min_value=0,
                max_value=99,
                required=False,
                initial=1 if product.sku == "kettle" else 0,
            )

    @property
    def items(self) -> dict[str, int]:
        """The quantity of each product in the basket."""
        wanted = {sku: self.cleaned_data.get(sku) or 0 for sku in PRODUCTS}
        return {sku: quantity for sku, quantity in wanted.items() if quantity}

    def clean(self) -> dict[str, Any]:
        """Refuse an empty basket."""
        super().clean()
        if not self.errors and not self.items:
            raise forms.ValidationError("The basket is empty.")
        return self.cleaned_data
