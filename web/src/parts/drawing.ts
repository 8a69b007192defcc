// A scene as a file: the same SVG with the colours and type that the page's stylesheet gives it, on its paper.

const PROPERTIES = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "opacity",
  "font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline", "letter-spacing", "visibility",
];

export function drawing(scene: SVGSVGElement): string {
  const copy = scene.cloneNode(true) as SVGSVGElement;
  paint(scene, copy);
  const { width, height } = scene.getBoundingClientRect();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(Math.round(width)));
  copy.setAttribute("height", String(Math.round(height)));
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const box = scene.viewBox.baseVal;
  const [x, y, wide, high] = box?.width ? [box.x, box.y, box.width, box.height] : [0, 0, width, height];
  for (const [name, value] of Object.entries({ x, y, width: wide, height: high })) paper.setAttribute(name, String(value));
  paper.setAttribute("fill", getComputedStyle(scene.closest(".frame") ?? document.body).backgroundColor);
  copy.prepend(paper);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}\n`;
}

function paint(from: Element, to: Element): void {
  const style = getComputedStyle(from);
  for (const name of PROPERTIES) {
    const value = style.getPropertyValue(name);
    if (value) to.setAttribute(name, value);
  }
  for (const name of ["class", "role", "tabindex", "aria-label", "aria-pressed"]) to.removeAttribute(name);
  Array.from(from.children).forEach((child, i) => paint(child, to.children[i] as Element));
}
