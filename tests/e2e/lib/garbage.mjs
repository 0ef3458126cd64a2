// What a stranger may send to a media port. Each kind says which counter of dropped packets it has to raise.
import crypto from 'node:crypto';

const COOKIE = 0x2112a442;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const PRIORITY = 0x0024;
const USE_CANDIDATE = 0x0025;
const ICE_CONTROLLING = 0x802a;

const bytes = (count) => crypto.randomBytes(count);

// `lie` is how much longer than it is the message says it were.
function stun(type, attributes, lie = 0) {
  const body = Buffer.concat(attributes.flatMap(([kind, value]) => {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(kind, 0);
    head.writeUInt16BE(value.length, 2);
    return [head, value, Buffer.alloc((4 - (value.length % 4)) % 4)];
  }));
  const head = Buffer.concat([Buffer.alloc(8), bytes(12)]);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length + lie, 2);
  head.writeUInt32BE(COOKIE, 4);
  return Buffer.concat([head, body]);
}

// A check that would take the media of whoever it names elsewhere.
const check = (username) => [
  [USERNAME, Buffer.from(username)], [PRIORITY, bytes(4)], [ICE_CONTROLLING, bytes(8)],
  [USE_CANDIDATE, Buffer.alloc(0)],
];

// A DTLS 1.2 record with the head of a ClientHello and no sense behind it.
function clientHello() {
  const hello = Buffer.concat([Buffer.from([1, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 100, 0xfe, 0xfd]), bytes(98)]);
  const head = Buffer.from([22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, hello.length]);
  return Buffer.concat([head, hello]);
}

// RTP with a one-byte extension, as a browser's; `ssrc` at random hits no publication.
const rtp = () => Buffer.concat([Buffer.from([0x90, 96]), bytes(10), Buffer.from([0xbe, 0xde, 0, 1]), bytes(800)]);
// A picture loss indication, which asks a publisher for a key frame.
const rtcp = () => Buffer.concat([Buffer.from([0x81, 206, 0, 2]), bytes(8)]);

// 0 to 3 is the first byte of STUN.
const noStun = (datagram) => { datagram[0] |= 4; return datagram; };
const likeStun = (datagram) => { datagram[0] &= 3; return datagram; };

export const anywhere = [
  { what: 'random bytes', make: () => noStun(bytes(1 + crypto.randomInt(1200))), drop: 'unknown_peer' },
  { what: 'random bytes in the range of STUN', make: () => likeStun(bytes(1 + crypto.randomInt(1200))),
    drop: 'unknown_ufrag' },
  { what: 'nothing', make: () => Buffer.alloc(0), drop: 'unknown_peer' },
  { what: 'more than a datagram of ours may have', make: () => bytes(9000), drop: 'unknown_peer' },
  { what: 'a ClientHello', make: clientHello, drop: 'unknown_peer' },
  { what: 'RTP', make: rtp, drop: 'unknown_peer' },
  { what: 'RTCP', make: rtcp, drop: 'unknown_peer' },
  { what: 'a STUN check of nobody', drop: 'unknown_ufrag',
    make: () => stun(BINDING_REQUEST, [...check('nobody:nobody'), [MESSAGE_INTEGRITY, bytes(20)]]) },
  { what: 'a STUN request without a name', make: () => stun(BINDING_REQUEST, []), drop: 'unknown_ufrag' },
  { what: 'a STUN answer', make: () => stun(BINDING_SUCCESS, []), drop: 'unknown_ufrag' },
];

// For who has overheard the user fragments of a participant, but not the password.
export const inTheNameOf = ({ ours, theirs }) => [
  { what: 'a STUN check with the wrong half of a name', drop: 'unknown_ufrag',
    make: () => stun(BINDING_REQUEST, [...check(`${ours}:nobody`), [MESSAGE_INTEGRITY, bytes(20)]]) },
  { what: 'a STUN check with a wrong password', drop: 'stun_bad_integrity',
    make: () => stun(BINDING_REQUEST, [...check(`${ours}:${theirs}`), [MESSAGE_INTEGRITY, bytes(20)]]) },
  { what: 'a STUN check without a password', drop: 'stun_bad_integrity',
    make: () => stun(BINDING_REQUEST, check(`${ours}:${theirs}`)) },
  { what: 'a STUN check that lies about its length', drop: 'stun_malformed',
    make: () => stun(BINDING_REQUEST, check(`${ours}:${theirs}`), 4) },
];
