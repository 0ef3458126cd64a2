// What a case gets as `t`: it starts processes, tells its story and knows everything for the report.
import { assertNothingLeaked } from './canary.mjs';
import { Chromium } from './chromium.mjs';
import { Focus } from './focus.mjs';
import { peers } from './peer.mjs';

export class Case {
  #started = Date.now();
  #focuses = [];
  #watched = [];
  #chromium;

  step(text) {
    console.log(`  ${String(Date.now() - this.#started).padStart(6)} ms  ${text}`);
  }

  // A figure worth keeping in the log of a green run.
  figure(name, value) {
    this.step(`${name} = ${value}`);
  }

  async focus(options) {
    const focus = await Focus.start(options);
    this.#focuses.push(focus);
    this.step(`focus ready at ${focus.httpUrl}, media at ${focus.ready.udp?.join(', ')}`);
    return focus;
  }

  // Any other process of the case: its death is a failure, its last lines belong in the report.
  watch(service) {
    this.#watched.push(service);
    return service;
  }

  // A browser page named `name`; the browser itself is shared within the case.
  async page(name, options) {
    this.#chromium ??= await Chromium.launch();
    return this.#chromium.page(name, options);
  }

  async browser() {
    this.#chromium ??= await Chromium.launch();
    return this.#chromium.browser;
  }

  // A bare tab at `url`, for pages that are not ours to drive through window.peer.
  async tab(url) {
    this.#chromium ??= await Chromium.launch();
    return this.#chromium.tab(url);
  }

  // A page that has joined; `options` go to the page, to join() and, where given, to publish().
  async joined(focus, name, { page, publish, ...join } = {}) {
    const peer = await this.page(name, page);
    const { connectMs } = await peer.join(focus, join);
    if (publish) await peer.publish(publish === true ? {} : publish);
    this.step(`${name} joined in ${Math.round(connectMs)} ms${publish ? ' and published' : ''}`);
    return peer;
  }

  // After the body: a crash nobody asserted on is a failure too.
  finish() {
    for (const focus of this.#focuses) if (!focus.mayEnd) focus.assertAlive();
    for (const service of this.#watched) service.assertAlive();
    for (const peer of peers) peer.assertNoCrash();
    assertNothingLeaked();
  }

  async report() {
    for (const peer of peers) console.log(await peer.report());
    for (const focus of this.#focuses) console.log(focus.tail());
    for (const service of this.#watched) console.log(service.tail());
  }
}
