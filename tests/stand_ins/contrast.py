"""Contrast of a page's words, as the Web Content Accessibility Guidelines define it (2.2, success criterion 1.4.3).

Stands for axe-core's rule of that name, which is not to be had offline. A slider's value is left out: it is drawn
beside the thumb that it belongs to, and the style sheet gives it the colour of other words.
"""

from __future__ import annotations

from typing import Any

__all__ = ["faint_words"]

_FAINT = """
() => {
  const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const parsed = colour => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = '#000';
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
  const behind = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parsed(getComputedStyle(at).backgroundColor));
    let colour = [255, 255, 255];
    for (const layer of layers.reverse()) colour = over(layer, colour);
    return colour;
  };
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    const element = node.parentElement, text = node.textContent.trim();
    if (!text || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    if (element.closest('canvas, [role=grid], script, style, [aria-hidden=true]')) continue;
    if (element.closest('[data-testid=stSliderThumbValue]')) continue;
    const box = element.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const style = getComputedStyle(element), below = behind(element);
    const words = over(parsed(style.color), below);
    const [high, low] = [light(words), light(below)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)} (${style.color})`);
  }
  return faint;
}
"""


def faint_words(page: Any) -> list[str]:
    """Texts of a page in Playwright whose contrast is below 4.5 to 1, or 3 to 1 for large ones, each with its ratio."""
    return [str(text) for text in page.evaluate(_FAINT)]
