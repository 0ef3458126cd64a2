// Room: scenarios that clients ask for in their tests. livekit-protocol reference section 2.6.
#include <algorithm>

#include "sfu/core/limits.h"

#include "signaling/livekit/room.h"

namespace fovea::livekit {
namespace {

// A drop of the next resume that was asked for longer ago is forgotten; LiveKit's figure.
constexpr Duration kDropResumeFor = Seconds(5);
constexpr float kFakeSpeechLevel = 0.9F;

}  // namespace

void Room::Simulate(Instant now, Participant& participant, const pb::SimulateScenario& scenario) {
  using Scenario = pb::SimulateScenario;
  switch (scenario.scenario_case()) {
    case Scenario::kSpeakerUpdate: {
      const std::int32_t seconds =
          std::clamp(scenario.speaker_update(), 0, limits::kFakeSpeechSecondsMax);
      participant.fake_speech_ends_at = now + Seconds(seconds);
      return FakeSpeech(participant, true);
    }
    case Scenario::kNodeFailure:
    case Scenario::kMigration:
      // As if the process had died, or the session had gone to another: no `leave`, the socket just
      // ends and the sid is unknown afterwards.
      context_.signal.Abort(participant.connection);
      participant.connection = ConnectionId{};
      return Remove(now, participant,
                    scenario.has_migration() ? pb::DisconnectReason::MIGRATION
                                             : pb::DisconnectReason::SERVER_SHUTDOWN);
    case Scenario::kServerLeave:
      return Remove(now, participant, pb::DisconnectReason::SERVER_SHUTDOWN);
    case Scenario::kLeaveRequestFullReconnect:
      return Remove(now, participant, pb::DisconnectReason::STATE_MISMATCH,
                    pb::LeaveRequest::RECONNECT);
    case Scenario::kSwitchCandidateProtocol: {
      // There is one way to us, by UDP: what is left of the scenario is that the client resumes and
      // restarts ICE.
      pb::SignalResponse response;
      response.mutable_leave()->set_action(pb::LeaveRequest::RESUME);
      response.mutable_leave()->set_can_reconnect(true);
      Send(participant, response);
      context_.signal.Close(participant.connection, CloseCode::kNormal,
                            "switch candidate protocol");
      participant.connection = ConnectionId{};
      participant.signal_lost_at = now;
      return;
    }
    case Scenario::kDisconnectSignalOnResume:
      participant.drop_resume_until = now + kDropResumeFor;
      return;
    case Scenario::kDisconnectSignalOnResumeNoMessages:
      participant.drop_resume_silently_until = now + kDropResumeFor;
      return;
    case Scenario::kSubscriberBandwidth:
      return LimitBandwidth(participant, scenario.subscriber_bandwidth());
    case Scenario::SCENARIO_NOT_SET:
      return;
  }
}

void Room::FakeSpeech(Participant& participant, bool speaks) {
  participant.speaking = speaks;
  participant.speaker_level = speaks ? kFakeSpeechLevel : 0.0F;
  if (!speaks) participant.fake_speech_ends_at = kNever;
  pb::SignalResponse response;
  pb::SpeakerInfo& speaker = *response.mutable_speakers_changed()->add_speakers();
  speaker.set_sid(participant.sid);
  speaker.set_level(participant.speaker_level);
  speaker.set_active(speaks);
  for (const auto& [identity, other] : participants_) Send(*other, response);
}

}  // namespace fovea::livekit
