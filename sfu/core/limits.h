// Every bound of memory, of work and of what others may send, in one place. Each says what happens
// at the limit, and has a test that names it (scripts/tidy.py looks). Not here: what a format's own
// fields can hold (RTP, RTCP, DTLS, Matrix ids), which stands with its parser, and the timing of
// one algorithm, which stands with it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sfu/core/time.h"

namespace fovea::limits {

// --- Datagrams -------------------------------------------------------------------------------
// Larger than any packet a WebRTC peer sends on a 1500-byte path; longer datagrams are truncated by
// the kernel and dropped.
inline constexpr std::size_t kDatagramBytesMax = 1500;
// Room behind a packet for the SRTP tag (16) or the SRTCP index and tag (4 + 16).
inline constexpr std::size_t kSrtpTrailerBytesMax = 32;
// DTLS and SCTP records that we make. 1200 is what WebRTC assumes to pass every path.
inline constexpr std::size_t kPathMtuBytes = 1200;
inline constexpr std::size_t kRxBatchPackets =
    64;  // larger: better batching, longer first-packet delay
inline constexpr std::size_t kTxBatchPackets = 512;  // flushed when full, so never a drop by itself
// Of one sendmsg with UDP_SEGMENT; the rest goes with the next. The kernel's own bound is 64 on
// older kernels, and one message holds at most 65 507 bytes.
inline constexpr std::size_t kUdpSegmentsMax = 40;
// Addresses of this machine that a wildcard socket tells apart. Answers of further ones leave from
// where the kernel likes.
inline constexpr std::size_t kLocalAddressesMax = 64;

// --- Per worker ------------------------------------------------------------------------------
inline constexpr std::size_t kWorkersMax = 16;
inline constexpr std::size_t kSessionsPerWorkerMax = 4096;
inline constexpr std::size_t kPublicationsPerWorkerMax = 4096;
inline constexpr std::size_t kSubscriptionsPerWorkerMax = 32768;
inline constexpr std::size_t kSlabSlots =
    2048;  // > one RxBatch in hand + every lane's backlog we allow
// Life-cycle events handed to signaling in one turn; the rest goes with the next. Larger: a burst
// delays media and timers. Smaller: more turns of the loop.
inline constexpr std::size_t kEventsPerPollMax = 1024;

// --- ICE -------------------------------------------------------------------------------------
// Further tuples of one session are refused (kTooManyTuples). 8 as in mediasoup: dual stack, Wi-Fi
// and cellular, and one restart.
inline constexpr std::size_t kIceTuplesMax = 8;
inline constexpr Duration kIceConsentTimeout =
    Seconds(15);  // no check for this long: session is lost
// Larger than any answer of ours (76 bytes) and than a request with the longest user names; what
// does not fit is not sent.
inline constexpr std::size_t kStunMessageBytesMax = 768;

// --- DTLS and SRTP ---------------------------------------------------------------------------
// Larger than any certificate of a WebRTC peer (about 300 bytes), smaller than BoringSSL's 100 KB;
// beyond, the handshake fails.
inline constexpr std::size_t kDtlsCertificatesBytesMax = 16 * 1024;
// From the first datagram (or our first flight); an unfinished handshake fails then. Longer keeps
// half-open sessions of an attacker around, shorter loses clients behind slow relays.
inline constexpr Duration kDtlsHandshakeTimeout = Seconds(15);
// First retransmission; doubles each time. Shorter than a round trip only sends flights twice.
inline constexpr Duration kDtlsInitialTimeout = Millis(200);
// A handshake that a damaged or forged record broke is begun anew this often, then it fails.
inline constexpr int kDtlsRestartsMax = 5;
// SCTP packets in one datagram; WebRTC sends one. Further ones are dropped and SCTP sends them
// again.
inline constexpr std::size_t kDtlsAppRecordsPerDatagramMax = 4;
// Wide enough for what Firefox re-sends to probe and for RTX bursts; 128 bytes per SSRC.
inline constexpr std::size_t kSrtpReplayWindowPackets = 1024;

// --- RTP -------------------------------------------------------------------------------------
// Of one section, each with its RTX; Chromium offers eleven for video. Packets of further ones are
// dropped.
inline constexpr std::size_t kCodecsPerSectionMax = 16;
inline constexpr std::size_t kCodecsPerTrackMax = 4;  // toward a subscriber; likewise
// Layers of one track; packets of higher ones are not forwarded.
inline constexpr std::size_t kSpatialLayersMax = 3;
inline constexpr std::size_t kTemporalLayersMax = 4;
inline constexpr std::size_t kSsrcsPerSessionMax = 256;
inline constexpr std::size_t kMidBytesMax = 16;
inline constexpr std::size_t kRidBytesMax = 16;
inline constexpr std::size_t kHeaderExtensionsMax = 16;  // of a packet of ours; no more are added
// Numbers answered per NACK packet; one of 1200 bytes could order 5000 retransmissions. The rest is
// counted (kRtxThrottled) and asked for again.
inline constexpr int kNackAnswersMax = 128;
// Packets behind a late first one that are looked up at once; a key frame of 60 KB has 50. The rest
// is asked for by NACK.
inline constexpr int kCatchUpPacketsMax = 64;
// A two-byte header extension element holds no more (RFC 8285 section 4.3).
inline constexpr std::size_t kDependencyDescriptorBytesMax = 255;
// Numbers missing at once per source; a burst beyond it is cheaper to repair by a key frame.
// Larger: NACKs of a dead uplink crowd out media when it returns. Smaller: key frames for bursts
// that retransmission repairs. LiveKit's client library keeps 100.
inline constexpr int kNackMissingMax = 128;
// RTCP of a peer. A peer sends one FIR entry per video stream; more makes the packet malformed. One
// DLRR item per receiver of ours, which is one per session; further ones are ignored.
inline constexpr std::size_t kFirEntriesMax = 32;
inline constexpr std::size_t kDlrrItemsMax = 32;
// Half the number space: with more statuses in one packet the numbers could not be unwrapped.
// It also bounds the work that one small packet of run lengths can cause. Longer: malformed.
inline constexpr int kTwccStatusesMax = 1 << 15;
// Of one feedback packet of ours; what does not fit goes into the next.
inline constexpr std::size_t kTwccArrivalsMax = 256;
inline constexpr std::size_t kTwccChunksMax = 250;

// --- Retransmission --------------------------------------------------------------------------
// Per track, shared by its layers. Larger: answers later NACKs, costs memory per publisher. 256 KiB
// is 0.8 s of three layers at 2.5 Mbit/s, 16 KiB 1.9 s of Opus; both are several round trips.
inline constexpr std::size_t kHistoryBytesVideo = 256 * 1024;
inline constexpr std::size_t kHistoryBytesAudio = 16 * 1024;
inline constexpr std::size_t kHistoryPacketsPerLayerVideo = 1024;  // power of two; older: not found
inline constexpr std::size_t kHistoryPacketsPerLayerAudio = 128;
// Outgoing numbers that a subscription remembers, 16 bytes each. Older NACKs: kRtxNotInHistory.
// 512 packets of 1200 B are 2 s at 2.5 Mbit/s; 128 audio packets are 2.5 s.
inline constexpr std::size_t kOutgoingLogVideo = 512;
inline constexpr std::size_t kOutgoingLogAudio = 128;
// Further NACKs of one packet: kRtxThrottled. OutgoingSlot counts in two bits.
inline constexpr int kResendsPerPacketMax = 3;
// Without RTX: so many packets back one may be sent again, 8 bytes each; older: kRtxNotInHistory.
// 64 packets of audio are 1.3 s. Powers of two.
inline constexpr std::size_t kRepeatableVideo = 512;
inline constexpr std::size_t kRepeatableAudio = 64;

// --- Rings between threads -------------------------------------------------------------------
inline constexpr std::size_t kCommandRing = 1024;  // full: stays in the signaling outbox, counted
inline constexpr std::size_t kEventRing =
    4096;  // full: lossy kinds dropped, life-cycle kinds re-sent
// Half a slab. Who holds as many slots as are free gets no more: kLaneFull and a key-frame debt.
inline constexpr std::size_t kMediaLane = 1024;
inline constexpr std::size_t kFeedbackLane = 1024;  // full: the requester asks again
inline constexpr std::size_t kAppDataRing = 512;    // full: kAppDataRingFull; SCTP retransmits

// --- Data channels ---------------------------------------------------------------------------
inline constexpr std::size_t kDataChannelsPerSessionMax = 16;
// Longer labels and protocols are refused: LiveKit's longest is "_data_track".
inline constexpr std::size_t kDataChannelLabelBytesMax = 256;
inline constexpr std::size_t kDataMessageBytesMax = 64 * 1024;  // LiveKit clients clamp to 64 000
// Bounds reassembly of one association. Half of it is where usrsctp begins to deliver in parts, so
// a message that we accept always comes whole.
inline constexpr std::uint32_t kSctpReceiveWindowBytes = 4 * kDataMessageBytesMax;
inline constexpr std::size_t kSctpSendBufferBytesMax = 1024 * 1024;  // per association
inline constexpr std::size_t kSctpAssociationsMax = 4096;            // full: creation is refused
inline constexpr std::size_t kSctpTransmitQueue = 4096;              // full: dropped, SCTP repeats
inline constexpr std::size_t kSctpEventBytesMax = 16 * 1024 * 1024;  // full: messages are dropped

// --- Signalling (LiveKit's own figures where it has them) ---------------------------------------
inline constexpr std::size_t kHttpRequestLineBytesMax = 64 * 1024;  // join_request rides in the URL
inline constexpr std::size_t kHttpHeaderBytesMax = 96 * 1024;
inline constexpr std::size_t kHttpBodyBytesMax = 1024 * 1024;
// No route's own bound may be larger: kTransactionBytesMax is the largest.
inline constexpr std::size_t kHttpLargeBodyBytesMax = 24 * 1024 * 1024;
inline constexpr std::size_t kSignalMessageBytesMax = 2 * 1024 * 1024;
inline constexpr std::size_t kJoinRequestBytesMax = 1024 * 1024;  // after gzip
inline constexpr std::size_t kSdpBytesMax = 512 * 1024;
inline constexpr std::size_t kSdpMediaSectionsMax = 512;
// Codecs, candidates, SSRCs, extensions, ... of one media section, each kind by itself. Browsers
// stay below 60; more is refused, because lookups in these lists are linear.
inline constexpr std::size_t kSdpItemsPerSectionMax = 128;
inline constexpr std::size_t kSdpFeedbackPerCodecMax = 16;  // further rtcp-fb lines are refused
inline constexpr std::size_t kMetadataBytesMax = 512 * 1024;
inline constexpr std::size_t kAttributesBytesMax = 64 * 1024;
// In bytes of UTF-8, as LiveKit counts them; longer ones are refused.
inline constexpr std::size_t kRoomNameCharsMax = 256;
inline constexpr std::size_t kIdentityCharsMax = 256;
inline constexpr std::size_t kParticipantNameCharsMax = 256;
inline constexpr std::size_t kPendingTracksMax = 20;
// Track sids that a participant names before they exist, each kind of wish by itself; further ones
// are ignored.
inline constexpr std::size_t kEarlyWishesMax = 4096;
inline constexpr std::size_t kDataTracksPerParticipantMax = 64;  // further ones: LIMIT_EXCEEDED
inline constexpr std::size_t kDataTrackNameBytesMax = 256;       // longer ones: INVALID_NAME
inline constexpr std::size_t kWebhookQueueMax =
    1024;  // events per URL; full: the oldest is dropped, counted
inline constexpr std::size_t kWebhookQueueBytesMax =
    16 * 1024 * 1024;  // the same; metadata can be large
inline constexpr std::size_t kDataNoncesMax =
    100;  // per room; older repetitions of SendData go through
inline constexpr std::size_t kWsSendQueueBytesMax =
    4 * 1024 * 1024;  // a slower client is disconnected
inline constexpr std::size_t kHttpConnectionsMax = 16384;
// Behind a request that is being answered; beyond, the connection is not read from meanwhile.
inline constexpr std::size_t kHttpReadAheadBytes = 64 * 1024;
inline constexpr int kListenBacklog = 1024;  // fits a reconnect storm; the kernel may cap it
// Of participants in one update, LiveKit's figure: more are told in several, because one giant
// roster would block what follows. Who joins gets the whole roster at once.
inline constexpr std::size_t kUpdateChunkBytes = 128 * 1024;
inline constexpr std::int32_t kFakeSpeechSecondsMax = 60;  // nobody speaks longer for a test
// Calls with series of their own in /metrics, the largest first; the rest is counted
// (fovea_call_series_left_out_total). Room names come from clients, and each series costs whoever
// scrapes us memory for days; 256 calls are some 1800 series.
inline constexpr std::size_t kMetricsCallsMax = 256;
inline constexpr std::size_t kMetricsConnectionsMax = 32;  // of scrapers; further ones are refused
// Reliable messages kept for a resume, LiveKit's figure; the oldest go first.
inline constexpr std::size_t kReliableCacheBytesMax = 100'000;
inline constexpr std::size_t kRpcPayloadBytesMax = 15 * 1024;  // LiveKit's; longer is refused
// PerformRpc of one room. Each holds an HTTP request open; further ones are refused.
inline constexpr std::size_t kRpcPendingMax = 1024;
// Deep enough for every document we read (Matrix events nest below 20). The library's writer and
// destructor recurse, so unbounded nesting would be a way to overflow the stack from outside.
inline constexpr int kJsonDepthMax = 64;
// Calls by address; full: those that would be full again are forgotten, then all.
inline constexpr std::size_t kRateLimitedAddressesMax = 16384;

// --- Outgoing connections and DNS ---------------------------------------------------------------
// Idle ones are kept this many in all and to one place (as many as may be under way to one
// homeserver); the longest idle is closed.
inline constexpr std::size_t kIdleConnectionsMax = 128;
inline constexpr std::size_t kIdleConnectionsPerPlaceMax = 8;
inline constexpr std::size_t kDnsAnswerBytesMax = 16 * 1024;  // longer answers are cut by libresolv
inline constexpr std::size_t kSrvAnswersMax = 16;             // further records are not read
// Longer documents are no well-known documents, and who redirects further has none.
inline constexpr std::size_t kWellKnownBytesMax = 50 * 1024;
inline constexpr int kWellKnownRedirectsMax = 3;
inline constexpr int kDoctorRedirectsMax = 3;             // further ones are shown as they are
inline constexpr std::size_t kStunAnswerBytesMax = 1500;  // of a STUN server; the rest is cut off
// Requests for our document while the operator's is fetched for the first time; further ones: 502.
inline constexpr std::size_t kWellKnownWaitingMax = 256;

// --- Redis (external mode): beyond any of these the stream is broken and opened anew ------------
inline constexpr std::size_t kRespLineBytesMax = 64 * 1024;  // numbers, statuses, errors
inline constexpr std::size_t kRespStringBytesMax = 1024 * 1024;
inline constexpr std::int64_t kRespItemsMax = 1'000'000;  // of one array
inline constexpr std::size_t kRespDepthMax = 4;
// A webhook of the other SFU about a full room names every track of a participant.
inline constexpr std::size_t kSfuWebhookBytesMax = 8 * 1024 * 1024;
static_assert(kSfuWebhookBytesMax <= kHttpLargeBodyBytesMax);
// Commands sent in one go; the rest waits for the answers.
inline constexpr std::size_t kRedisBatchMax = 1000;
// Larger: a restart of ours is a burst for the other server. Smaller: it takes longer to learn.
inline constexpr std::size_t kPresenceLookupsMax = 32;

// --- Token requests -----------------------------------------------------------------------------
inline constexpr std::size_t kAccessTokenBytesMax = 4096;    // of an OpenID token; longer: refused
inline constexpr std::size_t kDelegationUrlBytesMax = 2048;  // longer ones are refused
inline constexpr std::size_t kHomeserverUrlBytesMax = 1024;  // found in a well-known; likewise
// An answer is a user id; more is somebody's attempt to keep us busy.
inline constexpr std::size_t kUserInfoBytesMax = 64 * 1024;
// OpenID checks under way at one server, and at all that are strangers; behind them those that
// wait. Full: the request is refused and the client tries again. A slow server takes its own
// places, not everybody's.
inline constexpr std::size_t kOpenIdChecksPerServerMax = 8;
inline constexpr std::size_t kOpenIdChecksMax = 64;
inline constexpr std::size_t kOpenIdQueuedPerServerMax = 64;
inline constexpr std::size_t kOpenIdQueuedMax = 512;
inline constexpr std::size_t kServerEndpointsTriedMax = 4;  // addresses of one server, in order
// Remembered as not to be reached; full: first those whose time is over, then all are forgotten.
inline constexpr std::size_t kServersUnreachableMax = 1024;
inline constexpr std::size_t kServersFoundMax = 1024;  // full: the first to expire goes
inline constexpr std::size_t kServerSearchesMax = 64;  // at a time; further ones find nothing
inline constexpr std::size_t kCsApisCachedMax = 1024;  // full: the first to expire goes
inline constexpr std::size_t kWaitingMintsMax = 1024;  // further ones are decided without asking

// --- What a homeserver tells --------------------------------------------------------------------
// Of an event's content, what is read: 64 KiB is Matrix's bound for an event, and escapes make up
// to three bytes of one. Longer: malformed.
inline constexpr std::size_t kEventContentBytesMax = 192 * 1024;
// A homeserver sends at most 100 events at once: of 64 KiB with their `unsigned`, and as much for
// the ephemeral ones that we skip. Longer ones are refused, and the homeserver is stuck with them.
inline constexpr std::size_t kTransactionBytesMax = kHttpLargeBodyBytesMax;
// Seen transactions. A homeserver repeats only the latest one; the rest is for those that come back
// from a backup. An older one would be new, which the order of events makes harmless.
inline constexpr std::size_t kTransactionIdsMax = 1024;
inline constexpr std::size_t kTransactionIdBytesMax = 255;  // longer ones are cut
// Users of one transaction whose devices changed; more are left to be found out by asking.
inline constexpr std::size_t kChangedUsersMax = 1024;
// A room's state with every member: 100 000 members are some 50 MB. Longer ones are no answer.
inline constexpr std::size_t kRoomStateBytesMax = 64 * 1024 * 1024;
inline constexpr std::size_t kRoomStatesUnderWayMax = 8;  // questions of one urgency; others wait
inline constexpr std::size_t kWatchedRoomsMax = 16'384;   // further ones get no tokens
// Rooms about which was asked without a token; full: the longest idle is forgotten.
inline constexpr std::size_t kIdleWatchesMax = 1024;
inline constexpr std::size_t kRefusedUsersMax = 64;  // of a room; full: forgotten, asked again
inline constexpr std::size_t kToldUsersMax = 64;     // of those asked about by name, likewise
// Users who want a token, as whom a room is asked about one after the other; full: who had their
// turn goes, or the first.
inline constexpr std::size_t kAskersMax = 16;
// Events under one state key remembered as past. A repetition of an older one than these is told by
// its timestamp.
inline constexpr std::size_t kPastVersionsMax = 6;
// What a member may say of itself; longer counts as this, so that the sum of two cannot overflow.
inline constexpr Duration kMemberExpiresMax = Seconds(30L * 24 * 3600);
// Of a room. Beyond, the joined go before the rest, and those who have or want tokens before them.
inline constexpr std::size_t kRoomUsersMax = 20'000;
inline constexpr std::size_t kRoomSlotsMax = 256;  // further slots of a room are not remembered
inline constexpr std::size_t kRoomStateMembersMax = 4096;  // emptied state keys go, then refused
inline constexpr std::size_t kTransportsPerMemberMax = 8;  // further ones are not read
inline constexpr std::size_t kStickyEventsMax = 4096;      // of a room; further ones are not kept
inline constexpr std::size_t kStickyEventsPerSenderMax = 64;
inline constexpr std::size_t kDeviceQuestionsMax = 4;  // under way; others wait
// Of what one user waits for; longer ones are no answer. A hundred delayed events, Synapse's most,
// fit.
inline constexpr std::size_t kHomeserverAnswerBytesMax = 1024 * 1024;
// Full: the one that ended first goes; those that are on stay, bounded by the rooms of a server.
inline constexpr std::size_t kCallsRememberedMax = 16'384;

// --- Who is admitted ----------------------------------------------------------------------------
// Identities with a token of ours; further ones get none, because a token that is not remembered
// could not be revoked. Some 1 KB each.
inline constexpr std::size_t kAdmissionsMax = 65'536;
// Of a user in a room. Two tokens per join and device; an hour of restless rejoining stays below.
inline constexpr std::size_t kAdmissionsPerUserMax = 64;
// Every admission may be put out at once, and RoomService may revoke as many of its own. Full: the
// one revoked first is forgotten and counted. Some 300 bytes each.
inline constexpr std::size_t kRevocationsMax = 2 * kAdmissionsMax;

// --- Delegated leave and stored state ---------------------------------------------------------
// Delayed leaves held for one Matrix user; further ones are refused. A user has few devices in few
// calls at a time.
inline constexpr std::size_t kDelayedLeavesPerUserMax = 4;
inline constexpr std::size_t kDelayedLeavesMax = 100'000;  // of all users; further ones are refused
inline constexpr std::size_t kDelayIdBytesMax = 256;       // longer ones are refused
// What a client asks for is brought into this range. The lower end is what the reference service's
// own tests use; it bounds how often a homeserver is called. Homeservers allow 24 h by default.
inline constexpr Duration kDelayTimeoutMin = Millis(500);
inline constexpr Duration kDelayTimeoutMax = Seconds(24 * 3600);
// Calls under way to one homeserver, and to all; further ones wait. A slow homeserver takes its own
// places, not everybody's.
inline constexpr std::size_t kDelayedCallsPerServerMax = 8;
inline constexpr std::size_t kDelayedCallsMax = 256;
// Waiting for the disk; full: the oldest is dropped, counted and told to the log. Every admission
// may be made and end before the disk is done once. Some 600 bytes each.
inline constexpr std::size_t kStateWritesMax = 2 * kAdmissionsMax;
// The same for revocations, which wait in a queue of their own and go first: no flood of other
// changes pushes one out. Every admission may be put out, and its revocation end.
inline constexpr std::size_t kStateUrgentWritesMax = kRevocationsMax;

// --- Configuration: more is an error that says where, unless said otherwise ---------------------
// The commented example is 10 KB; a file of this size is not a configuration.
inline constexpr std::size_t kYamlBytesMax = 256 * 1024;
inline constexpr std::size_t kYamlDepthMax = 16;
// Nodes and bytes of text, aliases counted as what they stand for. Looking for duplicate keys is
// quadratic in the first.
inline constexpr std::size_t kYamlNodesMax = 4096;
inline constexpr std::size_t kYamlTextBytesMax = 1024 * 1024;
// Of any file that a setting names, but for those that BoringSSL reads itself.
inline constexpr std::size_t kFileBytesMax = 1024 * 1024;
inline constexpr std::size_t kConfigServersMax = 1024;  // in each of the lists of servers
inline constexpr std::size_t kConfigNetworksMax = 64;
inline constexpr std::size_t kConfigNotesMax = 100;  // told to the log; further ones are not told
inline constexpr std::size_t kListenersMax = 16;
inline constexpr std::size_t kWebhookTargetsMax = 16;
inline constexpr std::size_t kIceServersMax = 16;  // clients gather from each of them
inline constexpr std::size_t kNodeIpsMax = 8;      // each is a candidate that every client probes
// The page's client library has 610 kB; a directory named by mistake may hold anything. A larger
// file is not served.
inline constexpr std::uintmax_t kPageFileBytesMax = 8 * 1024 * 1024;
inline constexpr std::size_t kPageFilesMax = 64;

}  // namespace fovea::limits
