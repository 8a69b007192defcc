// How the text of a claim is folded: by what its letters take in the sans type, in its heavier weight.
export const NARROW = 560;
export const LINE = 18;

const [SLIM, THIN, WIDE, CAPITAL] = [/[ijlI.,:;'’| ]/, /[frt()[\]/1]/, /[mwMW%]/, /[A-Z−]/];
const share = (letter: string): number => (SLIM.test(letter) ? 0.3 : THIN.test(letter) ? 0.4 : WIDE.test(letter) ? 0.93 : CAPITAL.test(letter) ? 0.73 : 0.62);

/** px of a text of `size` px. */
export const textWidth = (text: string, size = 13.5): number => size * [...text].reduce((sum, letter) => sum + share(letter), 0);

/** Lines of text of `size` px in so many px. */
export const lines = (text: string, room: number, size = 13.5): string[] => broken(text, (line) => textWidth(line, size) <= room);

/** The same in the mono type. */
export const monoLines = (text: string, room: number, size = 13): string[] => broken(text, (line) => 0.602 * size * line.length <= room);

function broken(text: string, fits: (line: string) => boolean): string[] {
  const made: string[] = [];
  for (const word of text.split(" ").filter(Boolean)) {
    const line = made.length > 0 ? `${made.at(-1)} ${word}` : word;
    if (made.length > 0 && fits(line)) made[made.length - 1] = line;
    else made.push(...pieces(word, fits));
  }
  return made;
}

/** A word longer than a line is broken. */
function pieces(word: string, fits: (line: string) => boolean): string[] {
  let end = word.length;
  while (end > 1 && !fits(word.slice(0, end))) end--;
  return end < word.length ? [word.slice(0, end), ...pieces(word.slice(end), fits)] : [word];
}
