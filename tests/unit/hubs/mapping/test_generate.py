import pytest
from pydantic import BaseModel

from hubs.mapping import generate, spec
from hubs.registration import Registration


def models_of(module) -> set[type[BaseModel]]:
    """The models that a registration can be made of: those that no other one builds upon."""
    found = {m for m in vars(module).values() if isinstance(m, type) and issubclass(m, BaseModel)}
    return {m for m in found if m.__module__ == module.__name__ and not m.__name__.startswith("_")}


def test_the_page_of_mapping_options_is_current() -> None:
    lagging = [path.name for path, text in generate.generated().items() if path.read_text(encoding="utf-8") != text]
    assert lagging == [], "run make schemas"


def test_every_model_of_a_mapping_has_a_section() -> None:
    assert models_of(spec) <= {model for model, _ in generate._SECTIONS}


def test_every_option_is_on_the_page_and_every_link_leads_to_a_section() -> None:
    page = generate.mapping_page()
    for name in Registration.model_json_schema()["properties"]:
        assert f"| `{name}` |" in page
    headings = {
        line[3:].lower().replace("`", "").replace(":", "").replace(" ", "-")
        for line in page.splitlines()
        if line.startswith("## ")
    }
    linked = {part.split(")")[0] for part in page.split("](#")[1:]}
    assert linked
    assert linked <= headings


def test_an_option_that_nobody_has_described_is_refused() -> None:
    class Undescribed(BaseModel):
        colour: str

    with pytest.raises(KeyError, match=r"Undescribed\.colour: say what it does"):
        list(generate._table(Undescribed))
