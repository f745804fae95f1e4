/** Shows how several stories go on: a live table on a terminal, a plain line for each step elsewhere. */

export function createScreen(titles: readonly string[], output: NodeJS.WriteStream = process.stdout) {
  const live = output.isTTY === true;
  const width = Math.max(...titles.map((title) => title.length));
  const said = titles.map(() => 'waiting');
  const started = Date.now();
  if (live) draw(false);

  return {
    tell(index: number, what: string): void {
      said[index] = what;
      if (live) draw(true);
      else output.write(`${seconds()}  ${titles[index]!.padEnd(width)}  ${what}\n`);
    },
  };

  function draw(again: boolean): void {
    if (again) output.write(`\x1b[${titles.length}A`);
    for (const [index, title] of titles.entries()) output.write(`\x1b[2K  ${title.padEnd(width)}  ${said[index]}\n`);
  }

  function seconds(): string {
    return `${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s`;
  }
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `  ${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}`,
    )
    .join('\n');
}
