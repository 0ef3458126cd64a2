// A Matrix client reduced to one room with Element Call as its widget: signs in at a homeserver with
// matrix-js-sdk, and passes to the widget what Element's clients would. GET session (same origin) says
// who is here: {baseUrl, userId, deviceId, accessToken, roomId, elementCall, widget: {URL parameters}}.
import { ClientEvent, KnownMembership, MemoryStore, createClient } from 'matrix-js-sdk';
import { ClientWidgetApi, Widget } from 'matrix-widget-api';
import { RoomDriver } from './driver.mjs';
import { feedWidget } from './feed.mjs';

const story = [];
// Cases look in here; a person has the status line.
window.host = { story, signedIn: false, joined: false };
const told = new Promise((resolve) => { window.host.openCall = resolve; });

function note(what, data) {
  story.push({ at: Math.round(performance.now()), what, data });
}

async function signIn(session) {
  const client = createClient({
    baseUrl: session.baseUrl,
    userId: session.userId,
    deviceId: session.deviceId,
    accessToken: session.accessToken,
    store: new MemoryStore(),
  });
  await client.initRustCrypto({ useIndexedDB: false });
  const synced = new Promise((resolve) => {
    client.on(ClientEvent.Sync, (state) => state === 'PREPARED' && resolve());
  });
  await client.startClient({ initialSyncLimit: 20 });
  await synced;
  return client;
}

// The widget starts once the room is there: an invited person may open the page before joining.
async function roomOf(client, roomId) {
  for (;;) {
    const room = client.getRoom(roomId);
    if (room?.getMyMembership() === KnownMembership.Join) return room;
    await new Promise((resolve) => client.once(ClientEvent.Room, resolve));
  }
}

function widgetUrl(session) {
  const outer = new URLSearchParams({ widgetId: 'call', parentUrl: location.href.split('#')[0] });
  const inner = new URLSearchParams({
    roomId: session.roomId, userId: session.userId, deviceId: session.deviceId, baseUrl: session.baseUrl,
    ...session.widget,
  });
  return `${location.origin}${session.elementCall}index.html?${outer}#?${inner}`;
}

// Actions of Element Call that a client with windows would act on.
const answered = [
  'io.element.join', 'im.vector.hangup', 'io.element.close', 'io.element.device_mute',
  'set_always_on_screen',
];

// The first state to leave is all of the room's.
function tellWhenStateIsSent(api, driver) {
  const send = api.transport.send.bind(api.transport);
  api.transport.send = (action, data) => {
    const answer = send(action, data);
    if (action === 'update_state') answer.finally(() => driver.noteStateSent()).catch(() => {});
    return answer;
  };
}

function openWidget(client, session) {
  const url = widgetUrl(session);
  const iframe = document.createElement('iframe');
  iframe.allow = 'camera; microphone; display-capture; autoplay; clipboard-write';
  iframe.id = 'call';
  document.body.replaceChildren(iframe);  // In the document first: the API needs its window.
  const widget = new Widget({
    id: 'call', creatorUserId: session.userId, type: 'm.call', name: 'Element Call', url,
    waitForIframeLoad: false,
  });
  const driver = new RoomDriver(client, session.roomId, note);
  const api = new ClientWidgetApi(widget, iframe, driver);
  tellWhenStateIsSent(api, driver);
  api.setViewedRoomId(session.roomId);
  for (const action of answered) {
    api.on(`action:${action}`, (event) => {
      event.preventDefault();
      note(action, event.detail.data);
      if (action === 'io.element.join') window.host.joined = true;
      if (action === 'io.element.close') window.host.joined = false;
      api.transport.reply(event.detail, action === 'set_always_on_screen' ? { success: true } : {});
    });
  }
  api.on('ready', () => note('ready'));
  feedWidget(api, client, session.roomId, note);
  iframe.src = url;
  return api;
}

async function main() {
  const response = await fetch(`session${location.search}`);
  if (!response.ok) throw new Error(await response.text());
  const session = await response.json();
  const client = await signIn(session);
  note('signed in', { user: session.userId, device: session.deviceId });
  await roomOf(client, session.roomId);
  window.host.signedIn = true;
  if (new URLSearchParams(location.search).has('wait')) await told;
  const api = openWidget(client, session);
  window.host.hangUp = () => api.transport.send('im.vector.hangup', {});
}

main().catch((error) => {
  note('failed', error.stack);
  document.body.textContent = `This page failed: ${error.message}`;
});
