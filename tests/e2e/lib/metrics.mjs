// Prometheus' text format, version 0.0.4, read more strictly than any scraper does: a page that passes
// here has no line that one of them could stumble over.
import { Failure, check, equal } from './expect.mjs';

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const TYPES = ['counter', 'gauge', 'summary', 'histogram'];
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(,|$)/y;
const ESCAPES = { '\\\\': '\\', '\\"': '"', '\\n': '\n' };

function fail(line, why) {
  throw new Failure(`/metrics: ${why}: ${JSON.stringify(line)}`);
}

function number(text, line) {
  const named = { NaN, '+Inf': Infinity, '-Inf': -Infinity }[text];
  if (named !== undefined) return named;
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text)) fail(line, 'not a number');
  return Number(text);
}

function labelsOf(inside, line) {
  const labels = {};
  LABEL.lastIndex = 0;
  for (let at = 0; at < inside.length; at = LABEL.lastIndex) {
    LABEL.lastIndex = at;
    const found = LABEL.exec(inside);
    if (!found) fail(line, 'labels that are none');
    const [, name, value, comma] = found;
    if (name in labels) fail(line, `label ${name} twice`);
    if (comma && LABEL.lastIndex === inside.length) fail(line, 'nothing behind a comma');
    labels[name] = value.replace(/\\["\\n]/g, (escape) => ESCAPES[escape]);
  }
  return labels;
}

const keyOf = (labels) => JSON.stringify(Object.entries(labels).sort());

export class Metrics {
  // By name: {type, help, series}; series by sample name and labels: {name, labels, value}.
  families = new Map();
  #current;

  static parse(text) {
    const self = new Metrics();
    check(text.endsWith('\n'), 'the page does not end with a line feed', text.slice(-40));
    for (const line of text.slice(0, -1).split('\n')) self.#take(line);
    for (const [name, family] of self.families) check(family.type, `${name} has no TYPE`);
    return self;
  }

  // A scrape; `login` is "name:password".
  static async scrape(url, { login } = {}) {
    const headers = login && { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
    const response = await fetch(url, { headers });
    equal(response.status, 200, `GET ${url}`);
    equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8', 'content type');
    const bytes = await response.arrayBuffer();
    return Metrics.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  }

  #take(line) {
    // eslint-disable-next-line no-control-regex
    if (/[\x00-\x1f\x7f]/.test(line)) fail(line, 'a control character');
    const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') return this.#begin(name, rest, line);
    if (kind === 'TYPE') return this.#type(name, rest, line);
    return this.#sample(line);
  }

  #begin(name, help, line) {
    if (!NAME.test(name)) fail(line, 'not a name');
    if (this.families.has(name)) fail(line, 'a second time');
    if (/\\(?![\\n])/.test(help.replaceAll('\\\\', ''))) fail(line, 'a bad escape');
    this.#current = { name, help, series: new Map() };
    this.families.set(name, this.#current);
  }

  #type(name, type, line) {
    if (name !== this.#current?.name || this.#current.type) fail(line, 'TYPE without its HELP before it');
    if (!TYPES.includes(type)) fail(line, 'no such type');
    this.#current.type = type;
  }

  #sample(line) {
    const [, name, inside = '', value] = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? fail(line, 'not a sample');
    const family = this.#current;
    const suffixes = { summary: ['_sum', '_count'], histogram: ['_sum', '_count', '_bucket'] };
    const names = (suffixes[family?.type] ?? ['']).map((suffix) => family?.name + suffix);
    if (!family?.type || !names.includes(name)) fail(line, 'a sample outside its family');
    const sample = { name, labels: labelsOf(inside, line), value: number(value, line) };
    const key = name + keyOf(sample.labels);
    if (family.series.has(key)) fail(line, 'a series twice');
    if (family.type === 'counter' && !(sample.value >= 0)) fail(line, 'a counter below zero');
    family.series.set(key, sample);
  }

  // Every sample of that name whose labels include `labels`.
  all(name, labels = {}) {
    const family = [...this.families.values()].find((f) => (
      f.name === name || [...f.series.values()].some((s) => s.name === name)));
    const fits = (s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v);
    return family ? [...family.series.values()].filter(fits) : [];
  }

  // The sum of them; undefined where there is none.
  value(name, labels) {
    const samples = this.all(name, labels);
    return samples.length ? samples.reduce((sum, sample) => sum + sample.value, 0) : undefined;
  }

  // Fails for each counter that is less than in `earlier`, or gone since.
  assertNoCounterFell(earlier) {
    for (const family of earlier.families.values()) {
      if (family.type !== 'counter') continue;
      for (const [key, sample] of family.series) {
        const now = this.families.get(family.name)?.series.get(key)?.value;
        check(now >= sample.value, `counter ${key} fell from ${sample.value}`, now);
      }
    }
  }
}
