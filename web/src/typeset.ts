// Symbols in plain words: d_k is a letter with a subscript; top_k stays a word, and code stays code.
const SYMBOL = /\b([A-Za-z])_([A-Za-z]+|\d+)\b/;

/** Words, letter, subscript, words, letter, subscript, … words. */
export function pieces(text: string): string[] {
  return text.split(SYMBOL);
}

/** The same in an article that the server rendered. */
export function typesetArticle(article: ParentNode): void {
  for (const place of article.querySelectorAll("p, li, td")) {
    if (place.closest(".figure, pre")) continue;
    for (const node of [...place.childNodes]) {
      if (node instanceof Text && SYMBOL.test(node.data)) node.replaceWith(...pieces(node.data).map(set));
    }
  }
}

function set(piece: string, i: number): Node | string {
  if (i % 3 === 0) return piece;
  const element = document.createElement(i % 3 === 1 ? "i" : "sub");
  element.className = "symbol";
  element.textContent = piece;
  return element;
}
