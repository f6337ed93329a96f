"""The page's tables of parameters and algorithms, against the library's."""

import numpy as np
from playwright.sync_api import Page

from latentdx.display.algorithms import algorithm_html
from latentdx.presets.algorithms import N_ALGORITHMS, algorithm, frequency_text, layout
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import PARAMETERS, init_values, maxima, voice_parameters

TABLE = """async () => {
  const { PARAMETERS, valueText } = await import('/parameters.js');
  const texts = (p) =>
    p.vced === null ? [] : Array.from({ length: p.maximum + 1 }, (_, i) => valueText(p, i));
  return PARAMETERS.map((p) => ({ ...p, texts: texts(p) }));
}"""


def test_parameters_have_the_librarys_names_ranges_and_texts(page: Page) -> None:
    table = page.evaluate(TABLE)
    assert len(table) == len(PARAMETERS) == 155
    for found, p in zip(table, PARAMETERS, strict=True):
        assert found["name"] == p.name
        assert (found["vced"], found["operator"], found["labels"]) == (p.vced, p.operator, list(p.labels))
        assert found["maximum"] == (None if p.size is None else p.maximum)
        assert found["texts"] == ([] if p.vced is None else [p.text(i) for i in range(p.maximum + 1)])


def test_a_voice_is_in_vced_order_and_begins_as_init_voice(page: Page) -> None:
    names, values = page.evaluate("""async () => {
      const { VOICE_PARAMETERS, initValues } = await import('/parameters.js');
      return [VOICE_PARAMETERS.map((p) => p.name), [...initValues()]];
    }""")
    assert names == [p.name for p in voice_parameters()]
    assert values == init_values().tolist()


def test_frequencies_read_as_in_the_library(page: Page) -> None:
    rng = np.random.default_rng(2)
    values = rng.integers(0, maxima() + 1, (100, len(maxima())), dtype=np.uint8)
    texts = page.evaluate(
        """async (voices) => {
          const { frequencyText } = await import('/parameters.js');
          return voices.map((values) => [1, 2, 3, 4, 5, 6].map((k) => frequencyText(values, k)));
        }""",
        values.tolist(),
    )
    assert texts == [[frequency_text(Preset(row), k) for k in range(1, 7)] for row in values]


def test_algorithms_are_the_librarys(page: Page) -> None:
    graphs = page.evaluate(
        """async (count) => {
          const { algorithm, describe, layout } = await import('/algorithms.js');
          return Array.from({ length: count }, (_, i) => {
            const graph = algorithm(i + 1);
            return { ...graph, text: describe(graph), places: [...layout(graph)] };
          });
        }""",
        N_ALGORITHMS,
    )
    for number, found in enumerate(graphs, 1):
        graph = algorithm(number)
        assert found["number"] == number
        assert tuple(found["carriers"]) == graph.carriers
        assert [tuple(edge) for edge in found["edges"]] == list(graph.edges)
        assert tuple(found["feedback"]) == graph.feedback
        assert found["text"] == graph.describe()
        assert {k: tuple(place) for k, place in found["places"]} == layout(graph)


def test_a_drawing_has_a_line_for_each_connection_and_moves_with_the_levels(page: Page) -> None:
    preset = PresetBank.init()[0].with_values(ALGORITHM=4)
    found = page.evaluate(
        """async (values) => {
          const { AlgorithmDrawing } = await import('/algorithms.js');
          const drawing = new AlgorithmDrawing();
          drawing.draw(values);
          drawing.light([0, 0, 0, 0, 15360 - 4096, 15360]); // operator 2 is four halvings below the loudest
          const heights = [...drawing.bars].map(([k, bar]) => [k, bar.style.transform]);
          const { element } = drawing;
          return {
            heights, label: element.getAttribute('aria-label'),
            operators: element.querySelectorAll('[data-operator]').length,
            paths: element.querySelectorAll('path').length,
          };
        }""",
        preset.values.tolist(),
    )
    assert dict(found["heights"]) == {
        **dict.fromkeys(range(3, 7), "scaleY(0)"),
        1: "scaleY(1)",
        2: "scaleY(0.5)",
    }
    assert found["label"] == algorithm(5).describe()
    html = str(algorithm_html(5))
    assert found["operators"] == html.count("data-operator") == 6
    assert found["paths"] == html.count("<path")
