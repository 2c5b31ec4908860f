// What the demonstration prints: one line a step, then a table of figures.

export interface Figure {
  readonly name: string;
  readonly value: string;
}

/** Prints steps as they pass or fail. */
export class Terminal {
  readonly #figures: Figure[] = [];
  #failures = 0;

  get passed(): boolean {
    return this.#failures === 0;
  }

  /** Runs a step and prints its sentence; a step that throws is a failure and is told with its reason. */
  async step(sentence: string, work: () => Promise<string | void>): Promise<void> {
    if (!this.passed) return;
    try {
      const detail = await work();
      console.log(`  ✓ ${sentence}${detail === undefined ? '' : ` — ${detail}`}`);
    } catch (error) {
      this.#failures += 1;
      console.log(`  ✗ ${sentence} — ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  figure(name: string, value: string | number): void {
    this.#figures.push({ name, value: String(value) });
  }

  /** The table of figures. */
  printFigures(): void {
    const width = Math.max(...this.#figures.map(({ name }) => name.length));
    console.log('');
    for (const { name, value } of this.#figures) console.log(`  ${name.padEnd(width)}  ${value}`);
  }
}
