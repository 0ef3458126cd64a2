// homeserver.yaml of a Synapse for one case: SQLite, loopback, everything a call needs switched on,
// nothing that would slow a test down.
import crypto from 'node:crypto';
import path from 'node:path';
import { toYaml } from './yaml.mjs';

// What Element Call's own documentation recommends for calls, so that clients are limited as at a real server.
const recommended = {
  rc_message: { per_second: 0.5, burst_count: 30 },
  rc_delayed_event_mgmt: { per_second: 1, burst_count: 20 },
};
// What Synapse limits by default, and a case does in a second to make accounts and rooms.
const limited = ['rc_registration', 'rc_joins_per_room', 'rc_room_creation'];
const nested = {
  rc_login: ['address', 'account', 'failed_attempts'],
  rc_joins: ['local', 'remote'],
  rc_invites: ['per_room', 'per_user', 'per_issuer'],
};
const unlimited = { per_second: 1000, burst_count: 1000 };

function rateLimits(hurried) {
  const calls = hurried
    ? Object.fromEntries(Object.keys(recommended).map((name) => [name, unlimited])) : recommended;
  const flat = Object.fromEntries(limited.map((name) => [name, unlimited]));
  const deep = Object.entries(nested).map(([name, kinds]) => (
    [name, Object.fromEntries(kinds.map((kind) => [kind, unlimited]))]));
  return { ...calls, ...flat, ...Object.fromEntries(deep) };
}

export function synapseConfig({ name, folder, ports, secret, focusUrl, registration, tls, hurried }) {
  const resources = [{ names: ['client', 'federation', 'openid'], compress: false }];
  const listener = { type: 'http', bind_addresses: ['127.0.0.1'], resources };
  const listeners = [{ ...listener, port: ports.http }];
  if (tls) listeners.push({ ...listener, port: ports.tls, tls: true });
  return toYaml({
    server_name: name,
    public_baseurl: `http://127.0.0.1:${ports.http}`,
    pid_file: path.join(folder, 'synapse.pid'),
    log_config: path.join(folder, 'log.yaml'),
    listeners,
    ...(tls && { tls_certificate_path: tls.cert, tls_private_key_path: tls.key }),
    database: { name: 'sqlite3', args: { database: path.join(folder, 'homeserver.db') } },
    media_store_path: path.join(folder, 'media'),
    signing_key: `ed25519 a_case ${crypto.randomBytes(32).toString('base64').replace(/=+$/, '')}`,
    registration_shared_secret: secret,
    macaroon_secret_key: crypto.randomUUID(),
    form_secret: crypto.randomUUID(),
    trusted_key_servers: [],
    report_stats: false,
    bcrypt_rounds: 4,
    presence: { enabled: false },
    ...rateLimits(hurried),
    experimental_features: {
      msc3202_transaction_extensions: true,
      msc3266_enabled: true,
      msc4143_enabled: true,
      msc4222_enabled: true,
      msc4354_enabled: true,
      msc4502_enabled: true,
      msc4512_enabled: true,
    },
    max_event_delay_duration: '24h',
    ...(focusUrl && {
      matrix_rtc: { transports: [{ type: 'livekit', livekit_service_url: focusUrl }] },
    }),
    ...(registration && { app_service_config_files: [registration] }),
  });
}

export const synapseLogging = toYaml({
  version: 1,
  disable_existing_loggers: false,
  formatters: { plain: { format: '%(asctime)s %(name)s %(levelname)s %(request)s %(message)s' } },
  filters: { context: { '()': 'synapse.logging.context.LoggingContextFilter' } },
  handlers: {
    out: { class: 'logging.StreamHandler', formatter: 'plain', filters: ['context'] },
  },
  loggers: { 'synapse.storage': { level: 'WARNING' }, 'synapse.util': { level: 'WARNING' } },
  root: { level: 'INFO', handlers: ['out'] },
});
