// How each model looks in every picture: its family (architecture) has one hue, models of one family differ by their line.
export interface Look {
  hue: number; // of --model-1 … --model-4
  line: number; // of DASHES
}

export const HUES = ["#0b5c8a", "#857000", "#6d1f1a", "#6f7278"]; // light, for a file without a stylesheet
export const DASHES = ["", "9 3", "2.5 2.5", "9 3 2.5 3"]; // a line, and the bars that stand for one
/** The hue of each known family. Those that stand side by side most come first, and so are drawn without a dash. */
const HOMES: Record<string, number> = { llama: 0, rnn: 3, lstm: 1, gru: 2, gpt: 0, transformer: 0, gpt2: 1, bert: 2, qwen2: 2, qwen3: 2, gemma2: 3, mistral: 3 };
const KNOWN = Object.keys(HOMES);

/** A look for each model, families that are known first: no two are alike while there are looks left. */
export function looksOf(models: { name: string; architecture: string }[]): Record<string, Look> {
  const looks: Record<string, Look> = Object.create(null) as Record<string, Look>;
  const families = new Map<string, number>();
  const place = ({ architecture }: { architecture: string }): number => (KNOWN.includes(architecture) ? KNOWN.indexOf(architecture) : KNOWN.length);
  for (const { name, architecture } of [...models].sort((a, b) => place(a) - place(b))) {
    const hue = families.get(architecture) ?? freeHue(architecture, new Set(families.values()));
    families.set(architecture, hue);
    looks[name] ??= freeLine(hue, Object.values(looks));
  }
  return looks;
}

/** A known family's own hue; for any other the next that is free. */
function freeHue(architecture: string, taken: Set<number>): number {
  const home = HOMES[architecture];
  if (home !== undefined) return home;
  const first = [...architecture].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % HUES.length;
  return HUES.map((_, i) => (first + i) % HUES.length).find((hue) => !taken.has(hue)) ?? first;
}

function freeLine(hue: number, taken: Look[]): Look {
  for (let i = 0; i < HUES.length * DASHES.length; i++) {
    const look = { hue: (hue + Math.floor(i / DASHES.length)) % HUES.length, line: i % DASHES.length };
    if (!taken.some((one) => one.hue === look.hue && one.line === look.line)) return look;
  }
  return { hue, line: 0 };
}
