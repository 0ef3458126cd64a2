// What the benches of whole servers share: quantiles, a process's memory, the table at the end.
import fs from 'node:fs';
import os from 'node:os';

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export function residentKb(pid) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

export class Figures {
  rows = [];

  // `holds` is null where nothing is promised.
  report(name, value, unit, target, holds, detail = {}) {
    this.rows.push({ name, value, unit, target, holds, ...detail });
    console.error(`  ${name}: ${value} ${unit}`);
  }

  // Whether every promise held.
  get hold() { return this.rows.every((row) => row.holds !== false); }

  printTable() {
    const verdict = { true: 'PASS', false: 'FAIL', null: '' };
    const widest = (pick) => Math.max(...this.rows.map((row) => pick(row).length));
    const [names, units, targets] = [(r) => r.name, (r) => r.unit, (r) => r.target].map(widest);
    for (const { name, value, unit, target, holds } of this.rows) {
      const cells = [
        name.padEnd(names), String(value).padStart(8), unit.padEnd(units), target.padEnd(targets),
      ];
      console.log(`${cells.join('  ')}  ${verdict[holds]}`.trimEnd());
    }
  }

  writeJson(file, more = {}) {
    const machine = { cpus: os.cpus().length, model: os.cpus()[0]?.model, load: os.loadavg() };
    fs.writeFileSync(file, `${JSON.stringify({ machine, ...more, figures: this.rows }, null, 2)}\n`);
  }
}
