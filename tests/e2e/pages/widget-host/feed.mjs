// What happens in the room goes to the widget: state, timeline and sticky events (decrypted), and
// to-device messages (the media keys).
import { ClientEvent, EventType, MatrixEventEvent, RoomStateEvent } from 'matrix-js-sdk';

export function feedWidget(api, client, roomId, note) {
  const failed = (what) => (error) => note(`the widget refused ${what}`, String(error));

  const feed = (event) => {
    api.feedEvent(event.getEffectiveEvent()).catch(failed(event.getType()));
  };
  client.on(ClientEvent.Event, (event) => {
    if (event.getRoomId() !== roomId) return;
    if (event.getType() !== EventType.RoomMessageEncrypted) {
      feed(event);
      return;
    }
    if (!event.isBeingDecrypted() && !event.isDecryptionFailure()) client.decryptEventIfNeeded(event);
  });
  // Also later, when the room key came after the event.
  client.on(MatrixEventEvent.Decrypted, (event) => {
    if (event.getRoomId() === roomId && !event.isDecryptionFailure()) feed(event);
  });
  client.on(RoomStateEvent.Events, (event) => {
    if (event.getRoomId() !== roomId) return;
    api.feedStateUpdate(event.getEffectiveEvent()).catch(failed(event.getType()));
  });
  client.on(ClientEvent.ReceivedToDeviceMessage, ({ message, encryptionInfo }) => {
    api.feedToDevice(message, encryptionInfo !== null).catch(failed(message.type));
  });
}
