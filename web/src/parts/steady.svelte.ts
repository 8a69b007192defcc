// One question at a time, the newest next: while a slider moves, an answer is awaited before the next is asked, so
// that a picture arrives for every answer however fast the hand is and however long an answer takes.
const PATIENCE = 400; // ms after which a question that nobody works on counts as lost, and the newest is asked

export class Steady {
  private waiting = false;
  private next: (() => void) | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private about = "";

  /** `busy`: is the question that was sent still being worked on? */
  constructor(private readonly busy: () => boolean = () => false) {}

  /** What is `about` something else than the question under way does not wait for it. */
  ask(question: () => void, about = ""): void {
    if (this.waiting && about === this.about) this.next = question;
    else this.send(question);
    this.about = about;
  }

  /** An answer is there (or will never be). */
  answered(): void {
    clearTimeout(this.timer);
    this.waiting = false;
    const question = this.next;
    this.next = null;
    if (question) this.send(question);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.next = null;
  }

  private lost(): void {
    if (this.busy()) this.timer = setTimeout(() => this.lost(), PATIENCE);
    else this.answered();
  }

  private send(question: () => void): void {
    clearTimeout(this.timer);
    [this.waiting, this.next] = [true, null];
    this.timer = setTimeout(() => this.lost(), PATIENCE);
    question();
  }
}

/** Runs from 0 to 1 in `duration` ms, easing out; at once where the reader wants no motion. Gives the stop. */
export function glide(duration: number, show: (share: number) => void): () => void {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
    show(1);
    return () => {};
  }
  const start = performance.now();
  let frame = requestAnimationFrame(function move(now) {
    const share = Math.min(1, Math.max(0, (now - start) / duration));
    show(1 - (1 - share) ** 3);
    if (share < 1) frame = requestAnimationFrame(move);
  });
  return () => cancelAnimationFrame(frame);
}
