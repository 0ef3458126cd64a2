// A stand-in for camera and microphone: a drawn picture with a clock, and a soft pulse of sound.
import { hueOf } from './names.js';

const FRAMES_PER_SECOND = 25;
const PULSE_EVERY_MS = 3000;

// Returns {video, audio, stop}: two media tracks and what ends them.
export function makeTestSource(name) {
  const canvas = document.createElement('canvas');
  canvas.width = 1280;
  canvas.height = 720;
  const pencil = canvas.getContext('2d');
  const hue = hueOf(name);
  const frames = frameSink(canvas);
  const stopDrawing = every(1000 / FRAMES_PER_SECOND, (tick) => {
    drawPattern(pencil, name, hue, tick);
    frames.push();
  });
  const tone = makeTone(180 + hue);
  const stop = () => {
    stopDrawing();
    tone.stop();
  };
  return { video: frames.track, audio: tone.track, stop };
}

// Timers of a tab in the background run once a second; those of a worker keep their pace.
function every(periodMs, action) {
  const source = `setInterval(() => postMessage(0), ${periodMs});`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
  let tick = 0;
  worker.onmessage = () => action((tick += 1));
  return () => worker.terminate();
}

// Canvas capture pauses with the tab as well; a track generator, where there is one, does not.
function frameSink(canvas) {
  if (!window.MediaStreamTrackGenerator) {
    return { track: canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks()[0], push: () => {} };
  }
  const track = new window.MediaStreamTrackGenerator({ kind: 'video' });
  const writer = track.writable.getWriter();
  const push = () => {
    const frame = new VideoFrame(canvas, { timestamp: performance.now() * 1000 });
    writer.write(frame).catch(() => frame.close());
  };
  return { track, push };
}

function drawPattern(pencil, name, hue, tick) {
  const { width, height } = pencil.canvas;
  for (let bar = 0; bar < 8; bar += 1) {
    pencil.fillStyle = `hsl(${hue + bar * 14} 55% ${18 + bar * 5}%)`;
    pencil.fillRect((bar * width) / 8, 0, width / 8 + 1, height);
  }
  const angle = tick / FRAMES_PER_SECOND;
  pencil.fillStyle = `hsl(${hue} 90% 72%)`;
  pencil.beginPath();
  pencil.arc(width / 2 + Math.cos(angle) * 380, height / 2 + Math.sin(angle * 2) * 200, 46, 0, 7);
  pencil.fill();
  pencil.fillStyle = '#fff';
  pencil.textAlign = 'center';
  pencil.font = '600 96px system-ui, sans-serif';
  pencil.fillText(name, width / 2, height / 2 - 10, width - 80);
  pencil.font = '44px ui-monospace, monospace';
  pencil.fillText(new Date().toISOString().slice(11, 22), width / 2, height / 2 + 70);
}

// Just long enough to count as speech, and quiet enough to bear in two tabs.
function makeTone(frequency) {
  const context = new AudioContext();
  const gain = context.createGain();
  gain.gain.value = 0;
  const target = context.createMediaStreamDestination();
  const oscillator = context.createOscillator();
  oscillator.frequency.value = frequency;
  oscillator.connect(gain).connect(target);
  oscillator.start();
  const stopPulsing = every(PULSE_EVERY_MS, () => {
    const now = context.currentTime;
    gain.gain.setTargetAtTime(0.12, now, 0.05);
    gain.gain.setTargetAtTime(0, now + 1.2, 0.1);
  });
  const stop = () => {
    stopPulsing();
    context.close();
  };
  return { track: target.stream.getAudioTracks()[0], stop };
}
