// The UDP port against the kernel, on loopback ports that the kernel picks.
#include "sfu/io/udp_port.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace {
bool socket_is_full = false;                   // the kernel's buffer; on loopback it never is
std::vector<std::size_t>* segments = nullptr;  // of each message, when somebody counts
bool may_bind = true;                          // root always may
}  // namespace

// In front of libc's.
extern "C" int sendmmsg(int fd, mmsghdr* messages, unsigned int count, int flags) {
  if (socket_is_full) {
    errno = EAGAIN;
    return -1;
  }
  for (unsigned int i = 0; segments != nullptr && i < count; ++i) {
    segments->push_back(messages[i].msg_hdr.msg_iovlen);
  }
  return static_cast<int>(syscall(SYS_sendmmsg, fd, messages, count, flags));
}

extern "C" int bind(int fd, const sockaddr* address, socklen_t length) noexcept {
  if (!may_bind) {
    errno = EACCES;
    return -1;
  }
  return static_cast<int>(syscall(SYS_bind, fd, address, length));
}

namespace fovea::io {
namespace {

constexpr std::uint32_t kLoopback = 0x7f000001;

std::unique_ptr<UdpPort> OpenLoopback() {
  UdpOptions options;
  options.bind = NetAddress::V4(kLoopback, 0);
  auto port = UdpPort::Open(options);
  EXPECT_TRUE(port.ok());
  return port.ok() ? std::move(*port) : nullptr;
}

// Receives until `count` datagrams are here or nothing has come for a second.
std::vector<std::pair<NetAddress, std::string>> ReceiveAll(UdpPort& port, std::size_t count) {
  auto batch = std::make_unique<worker::RxBatch>();
  std::vector<std::array<std::uint8_t, limits::kDatagramBytesMax>> memory(limits::kRxBatchPackets);
  for (std::size_t i = 0; i < limits::kRxBatchPackets; ++i) {
    batch->entries[i].data = memory[i].data();
  }
  std::vector<std::pair<NetAddress, std::string>> all;
  while (all.size() < count) {
    pollfd waiting{port.fd(), POLLIN, 0};
    if (::poll(&waiting, 1, 1000) <= 0) break;
    batch->lent = limits::kRxBatchPackets;
    const std::size_t received = port.Receive(*batch);
    for (std::size_t i = 0; i < received; ++i) {
      const worker::RxBatch::Entry& entry = batch->entries[i];
      all.emplace_back(entry.remote, std::string(entry.data, entry.data + entry.size));
    }
  }
  return all;
}

void Add(worker::TxBatch& batch, const NetAddress& to, const std::string& bytes) {
  const MutableByteSpan slot = batch.Reserve();
  std::copy(bytes.begin(), bytes.end(), slot.begin());
  batch.Commit(to, bytes.size());
}

std::string Numbered(std::size_t number, std::size_t size) {
  std::string bytes = std::to_string(number) + ":";
  bytes.resize(size, static_cast<char>('a' + number % 26));
  return bytes;
}

TEST(UdpPort, TellsWhichPortTheKernelPicked) {
  const auto port = OpenLoopback();
  EXPECT_NE(port->local().port, 0);
  EXPECT_EQ(port->local().v4(), kLoopback);
}

TEST(UdpPort, SaysThatAPortIsTaken) {
  const auto first = OpenLoopback();
  const auto second = UdpPort::Open({.bind = first->local()});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error(),
            "UDP port " + std::to_string(first->local().port) + " is taken by another process");
}

TEST(UdpPort, SaysThatItHasNoPermission) {
  may_bind = false;
  const auto port = UdpPort::Open({.bind = NetAddress::V4(kLoopback, 443)});
  may_bind = true;
  ASSERT_FALSE(port.ok());
  EXPECT_EQ(port.error(),
            "no permission to bind UDP port 443 (ports below 1024 need CAP_NET_BIND_SERVICE)");
}

TEST(UdpPort, SaysThatAnAddressIsNotThisMachines) {
  // RFC 5737: for documentation, nobody has it.
  const auto port = UdpPort::Open({.bind = NetAddress::V4(0xc0000201, 0)});
  ASSERT_FALSE(port.ok());
  EXPECT_NE(port.error().find("this machine has no address 192.0.2.1"), std::string::npos);
}

TEST(UdpPort, DropsAndCountsWhatTheKernelHasNoRoomFor) {
  const auto here = OpenLoopback();
  const auto there = OpenLoopback();
  auto batch = std::make_unique<worker::TxBatch>();
  for (std::size_t i = 0; i < 3; ++i) Add(*batch, there->local(), Numbered(i, 100));
  Add(*batch, here->local(), "another message");
  socket_is_full = true;
  here->Send(*batch);
  socket_is_full = false;
  EXPECT_EQ(here->drops().Get(DropReason::kTxSocketFull), 4U);
  EXPECT_EQ(here->drops().Total(), 4U);
  EXPECT_EQ(here->packets_sent(), 0U);
  EXPECT_EQ(batch->size(), 0U);
  Add(*batch, there->local(), "later");
  here->Send(*batch);
  EXPECT_EQ(ReceiveAll(*there, 1).size(), 1U);
}

TEST(UdpPort, CarriesDatagramsAndTheirSender) {
  const auto here = OpenLoopback();
  const auto there = OpenLoopback();
  worker::TxBatch batch;
  Add(batch, there->local(), "hello");
  here->Send(batch);
  EXPECT_EQ(batch.size(), 0U);
  const auto received = ReceiveAll(*there, 1);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].first, here->local());
  EXPECT_EQ(received[0].second, "hello");
  EXPECT_EQ(here->packets_sent(), 1U);
  EXPECT_EQ(here->send_calls(), 1U);
}

TEST(UdpPort, ReturnsAtOnceWhenNothingIsThere) {
  const auto port = OpenLoopback();
  worker::RxBatch batch;
  std::array<std::uint8_t, limits::kDatagramBytesMax> memory;
  batch.entries[0].data = memory.data();
  batch.lent = 1;
  EXPECT_EQ(port->Receive(batch), 0U);
}

TEST(UdpPort, SendsAnEmptyBatchWithoutACall) {
  const auto port = OpenLoopback();
  worker::TxBatch batch;
  port->Send(batch);
  EXPECT_EQ(port->send_calls(), 0U);
}

// --- A machine with several addresses: 127.0.0.0/8 is all ours -----------------------------------

struct Question {
  NetAddress from;
  worker::LocalAddressId to = worker::LocalAddressId::kAny;
};

// One datagram from `client` to `address`, as `server` sees it.
Question Ask(UdpPort& client, UdpPort& server, const NetAddress& address) {
  worker::TxBatch out;
  Add(out, address, "question");
  client.Send(out);
  pollfd waiting{server.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 1000), 1);
  auto batch = std::make_unique<worker::RxBatch>();
  std::array<std::uint8_t, limits::kDatagramBytesMax> memory;
  batch->entries[0].data = memory.data();
  batch->lent = 1;
  EXPECT_EQ(server.Receive(*batch), 1U);
  return {batch->entries[0].remote, batch->entries[0].local};
}

void Answer(UdpPort& server, const Question& question, std::size_t packets) {
  worker::TxBatch out;
  for (std::size_t i = 0; i < packets; ++i) {
    const std::string bytes = Numbered(i, 1000);
    const MutableByteSpan slot = out.Reserve();
    std::copy(bytes.begin(), bytes.end(), slot.begin());
    out.Commit(question.from, bytes.size(), question.to);
  }
  server.Send(out);
}

void ExpectAnswersFromWhereItWasAsked(UdpPort& server) {
  const auto client = OpenLoopback();
  for (const std::uint32_t host : {kLoopback + 1, kLoopback + 7, kLoopback}) {
    const NetAddress address = NetAddress::V4(host, server.local().port);
    const Question question = Ask(*client, server, address);
    ASSERT_NE(question.to, worker::LocalAddressId::kAny);
    Answer(server, question, 3);  // equal sizes: one segmented message
    const auto answers = ReceiveAll(*client, 3);
    ASSERT_EQ(answers.size(), 3U);
    for (const auto& [from, bytes] : answers) EXPECT_EQ(from, address) << from.ToString();
  }
}

TEST(UdpPort, AnswersFromTheAddressThatWasAsked) {
  const auto server = UdpPort::Open({.bind = NetAddress::V4(0, 0)});
  ASSERT_TRUE(server.ok());
  ExpectAnswersFromWhereItWasAsked(**server);
}

TEST(UdpPort, AnswersFromTheAddressThatWasAskedOnADualStackSocketToo) {
  const auto server = UdpPort::Open({.bind = *NetAddress::Parse("::", 0)});
  if (!server.ok()) GTEST_SKIP() << "no IPv6 here: " << server.error();
  ExpectAnswersFromWhereItWasAsked(**server);
}

TEST(UdpPort, TellsNoAddressesApartWhenItHasOnlyOne) {
  const auto server = OpenLoopback();
  const auto client = OpenLoopback();
  EXPECT_EQ(Ask(*client, *server, server->local()).to, worker::LocalAddressId::kAny);
}

TEST(UdpPort, LetsTheKernelChooseWhereAnswersOfOneAddressTooManyLeave) {
  const auto server = UdpPort::Open({.bind = NetAddress::V4(0, 0)});
  ASSERT_TRUE(server.ok());
  const auto client = OpenLoopback();
  const auto ask = [&](std::size_t i) {
    const auto host = static_cast<std::uint32_t>(kLoopback + 1 + i);
    return Ask(*client, **server, NetAddress::V4(host, (*server)->local().port));
  };
  std::set<worker::LocalAddressId> told_apart;
  for (std::size_t i = 0; i < limits::kLocalAddressesMax; ++i) told_apart.insert(ask(i).to);
  EXPECT_EQ(told_apart.size(), limits::kLocalAddressesMax);
  EXPECT_FALSE(told_apart.contains(worker::LocalAddressId::kAny));
  const Question beyond = ask(limits::kLocalAddressesMax);
  EXPECT_EQ(beyond.to, worker::LocalAddressId::kAny);
  Answer(**server, beyond, 1);
  EXPECT_EQ(ReceiveAll(*client, 1).size(), 1U);
  EXPECT_TRUE(told_apart.contains(ask(0).to)) << "those that are known stay known";
}

TEST(UdpPort, DoesNotPutPacketsFromTwoAddressesIntoOneMessage) {
  const auto server = UdpPort::Open({.bind = NetAddress::V4(0, 0)});
  ASSERT_TRUE(server.ok());
  const auto client = OpenLoopback();
  const std::uint16_t port = (*server)->local().port;
  const Question one = Ask(*client, **server, NetAddress::V4(kLoopback, port));
  const Question two = Ask(*client, **server, NetAddress::V4(kLoopback + 1, port));
  worker::TxBatch out;
  for (const Question& question : {one, two, one, two}) {
    (void)out.Reserve();
    out.Commit(client->local(), 100, question.to);
  }
  (*server)->Send(out);
  std::map<NetAddress, int> answers;
  for (const auto& [from, bytes] : ReceiveAll(*client, 4)) ++answers[from];
  EXPECT_EQ(answers[NetAddress::V4(kLoopback, port)], 2);
  EXPECT_EQ(answers[NetAddress::V4(kLoopback + 1, port)], 2);
}

// Runs for segmentation: equal sizes, a shorter last one, a longer one that has to begin a new run.
TEST(UdpPort, KeepsMixedSizesIntactAndInOrderForEachDestination) {
  const auto here = OpenLoopback();
  const std::vector<std::unique_ptr<UdpPort>> there = [] {
    std::vector<std::unique_ptr<UdpPort>> ports;
    for (int i = 0; i < 3; ++i) ports.push_back(OpenLoopback());
    return ports;
  }();
  const std::vector<std::size_t> sizes = {1200, 1200, 1200, 300, 1200, 50, 50, 1100, 1200, 64};
  worker::TxBatch batch;
  std::map<std::size_t, std::vector<std::string>> expected;
  for (std::size_t i = 0; i < 120; ++i) {
    const std::size_t to = (i * 7 + i / 5) % there.size();
    expected[to].push_back(Numbered(i, sizes[i % sizes.size()]));
    Add(batch, there[to]->local(), expected[to].back());
  }
  here->Send(batch);
  EXPECT_EQ(here->packets_sent(), 120U);
  EXPECT_EQ(here->drops().Total(), 0U);
  for (std::size_t to = 0; to < there.size(); ++to) {
    std::vector<std::string> received;
    for (auto& [from, bytes] : ReceiveAll(*there[to], expected[to].size()))
      received.push_back(bytes);
    EXPECT_EQ(received, expected[to]);
  }
}

TEST(UdpPort, SplitsRunsThatAreLongerThanTheKernelTakes) {
  static_assert(limits::kUdpSegmentsMax * worker::TxBatch::kSlotBytes <= 65'507);
  const auto here = OpenLoopback();
  const auto there = OpenLoopback();
  worker::TxBatch batch;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < 2 * limits::kUdpSegmentsMax + 1; ++i) {
    expected.push_back(Numbered(i, 1200));
    Add(batch, there->local(), expected.back());
  }
  std::vector<std::size_t> sent;
  segments = &sent;
  here->Send(batch);
  segments = nullptr;
  EXPECT_EQ(sent, (std::vector{limits::kUdpSegmentsMax, limits::kUdpSegmentsMax, std::size_t{1}}));
  std::vector<std::string> received;
  for (auto& [from, bytes] : ReceiveAll(*there, expected.size())) received.push_back(bytes);
  EXPECT_EQ(received, expected);
}

TEST(UdpPort, HandsAnOversizedDatagramOnAsAnEmptyOne) {
  const auto here = OpenLoopback();
  const auto there = OpenLoopback();
  worker::TxBatch batch;
  Add(batch, there->local(), Numbered(1, limits::kDatagramBytesMax + 20));
  Add(batch, there->local(), Numbered(2, limits::kDatagramBytesMax));
  here->Send(batch);
  const auto received = ReceiveAll(*there, 2);
  ASSERT_EQ(received.size(), 2U);
  EXPECT_EQ(received[0].second.size(), 0U);
  EXPECT_EQ(received[1].second.size(), limits::kDatagramBytesMax);
}

TEST(UdpPort, CountsWhatTheKernelRefusesAndSendsTheRest) {
  const auto here = OpenLoopback();
  const auto there = OpenLoopback();
  worker::TxBatch batch;
  Add(batch, NetAddress::V4(kLoopback, 0), "to nowhere");  // port 0 cannot be sent to
  Add(batch, there->local(), "still here");
  here->Send(batch);
  EXPECT_EQ(here->drops().Get(DropReason::kTxError), 1U);
  const auto received = ReceiveAll(*there, 1);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].second, "still here");
}

TEST(UdpPort, SpeaksIpv4OnAnIpv6Socket) {
  UdpOptions options;
  const auto any = NetAddress::Parse("::", 0);
  ASSERT_TRUE(any.has_value());
  options.bind = *any;
  const auto here = UdpPort::Open(options);
  if (!here.ok()) GTEST_SKIP() << "no IPv6 here: " << here.error();
  const auto there = OpenLoopback();
  worker::TxBatch batch;
  Add(batch, there->local(), "mapped");
  (*here)->Send(batch);
  const auto received = ReceiveAll(*there, 1);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].second, "mapped");
}

}  // namespace
}  // namespace fovea::io
