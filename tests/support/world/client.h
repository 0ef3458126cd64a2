// A participant of the simulated world: ICE and null crypto, media to send, and a receiver that
// asks for what it misses. Sans-IO like the server it talks to. Thread: a value of a test.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sfu/control/command.h"
#include "sfu/core/datagram.h"
#include "sfu/core/seq.h"
#include "sfu/rtp/rtcp/compound.h"
#include "tests/support/test_peer.h"
#include "tests/support/world/media.h"

namespace fovea::test {

inline constexpr crypto::Fingerprint kServerFingerprint{1};
inline constexpr crypto::Fingerprint kClientFingerprint{2};
inline constexpr std::int64_t kWorldWallOffsetUs = 1'700'000'000'000'000;

class Client {
 public:
  static constexpr Duration kVideoInterval = Micros(66'667);
  static constexpr Duration kAudioInterval = Millis(20);
  static constexpr Duration kNackInterval = Millis(20);

  struct Identity {
    control::SessionHandle session;
    IceParameters ice;         // ours
    IceParameters server_ice;  // the session's
    NetAddress address;
    NetAddress server;
    std::uint64_t seed = 0;
    crypto::Fingerprint server_fingerprint = kServerFingerprint;
  };
  // With null crypto, unless a channel is given.
  explicit Client(const Identity& identity);
  Client(const Identity& identity, std::unique_ptr<crypto::SecureChannel> channel);

  void Start(Instant now);
  void HandleDatagram(Instant now, MutableByteSpan bytes, TransmitSink& sink);
  void HandleTimeout(Instant now, TransmitSink& sink);
  [[nodiscard]] Instant NextDeadline() const;

  // --- Sending ---
  struct Track {
    control::AddPublication description;
    std::vector<MediaStream> streams;
    Instant next_frame_at = kNever;
    bool is_sending = true;
  };
  Track& AddTrack(Instant now, Track track);
  void RemoveTrack(control::PublicationHandle publication);
  [[nodiscard]] Track* FindTrack(control::PublicationHandle publication);
  void StopSending();

  // --- Receiving ---
  struct Received {
    control::MediaKind kind = control::MediaKind::kAudio;
    Ssrc ssrc;
    Ssrc rtx_ssrc;
    std::uint64_t packets = 0;
    std::uint64_t over_rtx = 0;
    std::uint64_t key_frames = 0;
    std::uint64_t sender_reports = 0;
    bool started = false;
    Unwrapper<std::uint16_t> unwrapper;
    std::int64_t highest = 0;
    struct Missing {
      Instant since;
      int requests = 0;
    };
    std::map<std::int64_t, Missing> missing;
    std::uint64_t given_up = 0;
    std::uint32_t last_sr = 0;
    Instant last_sr_at = kNever;
    std::vector<Stamp> stamps;  // in order of arrival, when kept
  };
  void Expect(const control::AddSubscription& subscription);
  [[nodiscard]] Received& received(Ssrc ssrc) { return receivers_.at(ssrc); }
  bool keeps_stamps = false;
  bool sends_nacks = true;
  bool answers_plis = true;
  // A decoder that lost something asks for a key frame.
  void SendPli(Ssrc media, TransmitSink& sink);
  void SendFir(Ssrc media, std::uint8_t command_seq, TransmitSink& sink);
  void SendNack(Ssrc media, std::span<const ExtSeq> seqs, TransmitSink& sink);
  // Protects and sends one packet as it is.
  void SendMade(const MadePacket& packet, TransmitSink& sink);

  [[nodiscard]] TestPeer& peer() { return peer_; }
  [[nodiscard]] const Identity& identity() const { return identity_; }
  // For a client that moves to another network.
  void set_address(const NetAddress& address) { identity_.address = address; }
  [[nodiscard]] bool is_connected() const { return peer_.is_connected(); }
  [[nodiscard]] std::vector<Track>& tracks() { return tracks_; }

  // What the server asked of us and told us.
  struct Counters {
    std::uint64_t nacks = 0;  // numbers
    std::uint64_t plis = 0;
    std::uint64_t receiver_reports = 0;
    std::uint64_t transport_feedbacks = 0;
    std::uint64_t unexpected_ssrcs = 0;
    std::uint64_t damaged = 0;
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  void HandleRtp(Instant now, ByteSpan packet);
  void Arrived(Instant now, Received& stream, std::uint16_t seq);
  void HandleRtcp(Instant now, ByteSpan packet, TransmitSink& sink);
  void HandleNack(const rtp::RtcpPacket& packet, TransmitSink& sink);
  void SendFrames(Instant now, TransmitSink& sink);
  void SendNacks(Instant now, TransmitSink& sink);
  void SendReports(Instant now, TransmitSink& sink);

  Identity identity_;
  TestPeer peer_;
  std::vector<Track> tracks_;
  std::map<Ssrc, Received> receivers_;  // by media SSRC
  std::map<Ssrc, Ssrc> media_of_rtx_;
  std::uint16_t wide_seq_ = 65500;
  Instant next_nack_at_ = kNever;
  Instant next_report_at_ = kNever;
  Counters counters_;
};

}  // namespace fovea::test
