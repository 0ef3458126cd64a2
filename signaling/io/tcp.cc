#include "signaling/io/tcp.h"

#include <uv.h>

#include <utility>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "signaling/io/sockaddr.h"

namespace fovea::io {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;  // one join request with its offer in the URL fits

std::string ExplainListenError(int error, const NetAddress& address) {
  const std::string port = "TCP port " + std::to_string(address.port);
  switch (error) {
    case UV_EADDRINUSE:
      return port + " on " + address.IpString() + " is taken by another process";
    case UV_EACCES:
      return "no permission to listen on " + port +
             " (ports below 1024 need root or CAP_NET_BIND_SERVICE)";
    case UV_EADDRNOTAVAIL:
      return "this machine has no address " + address.IpString() + " to listen on";
    default:
      return "cannot listen on " + address.ToString() + ": " + uv_strerror(error);
  }
}

}  // namespace

// Everything libuv points to. It outlives the TcpStream until the handle is closed.
struct TcpStream::State {
  uv_tcp_t uv{};
  ByteStreamListener* listener = nullptr;  // null: not started, failed, or destroyed
  bool connecting = false;
  bool finished = false;
  bool wants_reading = false;

  [[nodiscard]] uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&uv); }
  [[nodiscard]] uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&uv); }

  static State* Make(uv_loop_t* loop) {
    auto* state = new State;
    state->uv.data = state;
    FOVEA_CHECK(uv_tcp_init(loop, &state->uv) == 0);
    return state;
  }
  static State& Of(void* handle) {
    return *static_cast<State*>(static_cast<uv_handle_t*>(handle)->data);
  }

  void CloseHandle() {
    listener = nullptr;
    if (uv_is_closing(handle()) == 0) {
      uv_close(handle(), [](uv_handle_t* uv_handle) { delete &Of(uv_handle); });
    }
  }

  void Fail() {
    if (listener != nullptr) std::exchange(listener, nullptr)->OnFailure();
  }

  void StartReading() {
    if (connecting || !wants_reading || listener == nullptr) return;
    uv_read_start(stream(), &Allocate, &OnRead);
  }

  // A buffer lives from one read to its callback: 16 384 idle connections hold none.
  static void Allocate(uv_handle_t*, std::size_t, uv_buf_t* out) {
    *out = uv_buf_init(new char[kReadBytes], kReadBytes);
  }
  static void OnRead(uv_stream_t* uv_stream, ssize_t count, const uv_buf_t* buffer);
};

void TcpStream::State::OnRead(uv_stream_t* uv_stream, ssize_t count, const uv_buf_t* buffer) {
  const std::unique_ptr<char[]> owned(buffer->base);
  State& state = Of(uv_stream);
  if (state.listener == nullptr || count == 0) return;
  if (count > 0) {
    state.listener->OnBytes({owned.get(), static_cast<std::size_t>(count)});
  } else if (count == UV_EOF) {
    uv_read_stop(uv_stream);
    state.wants_reading = false;
    state.listener->OnEnd();
  } else {
    state.Fail();
  }
}

TcpStream::~TcpStream() { state_->CloseHandle(); }

void TcpStream::Start(ByteStreamListener& listener) {
  state_->listener = &listener;
  state_->wants_reading = true;
  state_->StartReading();
}

void TcpStream::PauseReading() {
  state_->wants_reading = false;
  uv_read_stop(state_->stream());
}

void TcpStream::ResumeReading() {
  state_->wants_reading = true;
  state_->StartReading();
}

void TcpStream::Write(std::string bytes) {
  FOVEA_CHECK(!state_->finished);
  if (bytes.empty()) return;
  struct Request {
    uv_write_t uv{};
    std::string bytes;
  };
  auto* request = new Request;
  request->bytes = std::move(bytes);
  request->uv.data = request;
  const uv_buf_t buffer =
      uv_buf_init(request->bytes.data(), static_cast<unsigned>(request->bytes.size()));
  const int error =
      uv_write(&request->uv, state_->stream(), &buffer, 1, [](uv_write_t* uv, int status) {
        const std::unique_ptr<Request> done(static_cast<Request*>(uv->data));
        State& state = State::Of(uv->handle);
        if (status < 0) {
          state.Fail();
        } else if (state.listener != nullptr) {
          state.listener->OnDrained();
        }
      });
  // Only a handle that is no socket any more refuses to queue; its read or connect callback tells.
  if (error != 0) delete request;
}

void TcpStream::Finish() {
  if (std::exchange(state_->finished, true)) return;
  auto* request = new uv_shutdown_t;
  // The outcome does not matter: the peer's end of stream or the owner's patience comes next.
  const int error =
      uv_shutdown(request, state_->stream(), [](uv_shutdown_t* uv, int) { delete uv; });
  if (error != 0) delete request;
}

std::size_t TcpStream::unsent_bytes() const {
  return uv_stream_get_write_queue_size(state_->stream());
}

NetAddress TcpStream::peer() const {
  sockaddr_storage address{};
  int size = sizeof address;
  if (uv_tcp_getpeername(&state_->uv, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return FromSockaddr(address);
}

std::unique_ptr<TcpStream> TcpStream::Connect(uv_loop_t* loop, const NetAddress& to) {
  auto* state = State::Make(loop);
  std::unique_ptr<TcpStream> stream(new TcpStream(state));
  state->connecting = true;
  const sockaddr_storage address = ToSockaddr(to);
  auto* request = new uv_connect_t;
  // On Linux every failure but running out of sockets arrives through the callback.
  const int error = uv_tcp_connect(request, &state->uv, reinterpret_cast<const sockaddr*>(&address),
                                   [](uv_connect_t* uv, int status) {
                                     const std::unique_ptr<uv_connect_t> done(uv);
                                     State& connected = State::Of(uv->handle);
                                     connected.connecting = false;
                                     if (status < 0) return connected.Fail();
                                     uv_tcp_nodelay(&connected.uv, 1);
                                     connected.StartReading();
                                   });
  if (error != 0) {
    delete request;
    return nullptr;
  }
  return stream;
}

struct TcpListener::State {
  uv_tcp_t uv{};
  OnAccept on_accept;

  static void OnConnection(uv_stream_t* server, int status) {
    // A client that gave up while waiting, or no file descriptors: the next one may do better.
    if (status < 0) return;
    auto* accepted = TcpStream::State::Make(server->loop);
    std::unique_ptr<TcpStream> stream(new TcpStream(accepted));
    if (uv_accept(server, accepted->stream()) != 0) return;
    uv_tcp_nodelay(&accepted->uv, 1);
    static_cast<State*>(server->data)->on_accept(std::move(stream));
  }
};

Result<std::unique_ptr<TcpListener>, std::string> TcpListener::Open(uv_loop_t* loop,
                                                                    const NetAddress& address,
                                                                    OnAccept on_accept) {
  auto* state = new State;
  state->uv.data = state;
  state->on_accept = std::move(on_accept);
  FOVEA_CHECK(uv_tcp_init(loop, &state->uv) == 0);
  // Owns the handle from here on, also when opening fails half-way.
  std::unique_ptr<TcpListener> listener(new TcpListener(state, address));

  const sockaddr_storage wanted = ToSockaddr(address);
  int error = uv_tcp_bind(&state->uv, reinterpret_cast<const sockaddr*>(&wanted), 0);
  if (error == 0) {
    error = uv_listen(reinterpret_cast<uv_stream_t*>(&state->uv), limits::kListenBacklog,
                      &State::OnConnection);
  }
  if (error != 0) return Failure{ExplainListenError(error, address)};

  sockaddr_storage bound{};
  int size = sizeof bound;
  uv_tcp_getsockname(&state->uv, reinterpret_cast<sockaddr*>(&bound), &size);
  listener->local_ = FromSockaddr(bound);
  return listener;
}

TcpListener::~TcpListener() {
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->uv),
           [](uv_handle_t* uv) { delete static_cast<State*>(uv->data); });
}

}  // namespace fovea::io
