// The simulated halves, in the numbers of the targets: what the two simulators say is shown, and has to hold.
import { spawn } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';

const SEEDS = 10_000;
const EVICTIONS = 1_000_000;
const ADMISSION = /seeds (\d+) to (\d+): (\d+) evictions, (\d+) of them false, (\d+) missed/;
const FENCES = /(\d+) evictions up to seed \d+, (\d+) datagrams sent .*, (\d+) packets to or from them/;

// Both at once: neither is timed. `folder` is the tests/sim of a build.
export async function runSimulators(figures, folder) {
  const [admission, fences] = await Promise.all([
    simulate(path.join(folder, 'admission/admission_sim_test'), '*EverySeed', { FOVEA_ADMISSION_SEEDS: SEEDS }),
    simulate(path.join(folder, 'sim_test'), '*AfterTheFence', { FOVEA_SIM_EVICTIONS: EVICTIONS }),
  ]);
  reportAdmission(figures, admission);
  reportFences(figures, fences);
}

// {status, lines}; the lines are shown as they come.
async function simulate(program, filter, env) {
  const child = spawn(program, [`--gtest_filter=${filter}`], {
    env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = [];
  readline.createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    console.error(`  ${path.basename(program)}: ${line}`);
  });
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ?? code));
  });
  return { status, lines };
}

// What the line says in numbers; NaN where there is none, which no target allows.
function numbers(lines, pattern, count) {
  const found = lines.map((line) => pattern.exec(line)).find(Boolean);
  return found ? found.slice(1).map(Number) : new Array(count).fill(NaN);
}

function reportStatus(figures, what, { status }) {
  figures.report(`simulated: exit status of ${what}`, status, '', '= 0', status === 0);
}

function reportAdmission(figures, result) {
  const [first, last, evictions, wrong, missed] = numbers(result.lines, ADMISSION, 5);
  const seeds = last - first + 1;
  figures.report('simulated: seeds of admission', seeds, '', `≥ ${SEEDS}`, seeds >= SEEDS);
  figures.report('simulated: evictions in them', evictions, '', '', null);
  figures.report('simulated: false evictions', wrong, '', '= 0', wrong === 0);
  figures.report('simulated: missed evictions', missed, '', '= 0', missed === 0);
  reportStatus(figures, 'the admission simulator', result);
}

function reportFences(figures, result) {
  const [evictions, sent, late] = numbers(result.lines, FENCES, 3);
  figures.report('simulated: evictions with media', evictions, '', `≥ ${EVICTIONS}`, evictions >= EVICTIONS);
  figures.report('simulated: datagrams that the evicted went on sending', sent, '', '', null);
  figures.report('simulated: packets to or from them after the fence', late, '', '= 0', late === 0);
  reportStatus(figures, 'the media simulator', result);
}
