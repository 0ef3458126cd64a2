// Compares our .proto files with LiveKit's own schema, as npm @livekit/protocol reflects it.
//
// usage: node proto_check.mjs [--schema DIR] [--modules DIR] [--protoc PATH]
//   --schema   the folder of livekit.proto (default: signaling/wire/proto of this repository)
//   --modules  a node_modules folder holding @livekit/protocol (default: the one node finds from here)
//
// Every message, field, enum and value we declare has to exist upstream with the same number, type,
// JSON name, cardinality and oneof. What upstream has and we leave out is counted, not an error:
// the runtime keeps it as unknown fields.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const schemaDir = resolve(option("schema", join(here, "../../signaling/wire/proto")));
const modulesDir = option("modules", null);
const protoc = option("protoc", "protoc");

const require = createRequire(
  modulesDir ? pathToFileURL(join(resolve(modulesDir), "anchor.js")) : import.meta.url,
);
const upstream = require("@livekit/protocol");
const { FileDescriptorSet, ScalarType, FieldDescriptorProto_Type, FieldDescriptorProto_Label } =
  createRequire(require.resolve("@livekit/protocol"))("@bufbuild/protobuf");

function ourDescriptors() {
  const scratch = mkdtempSync(join(tmpdir(), "proto-check-"));
  try {
    const out = join(scratch, "schema.bin");
    execFileSync(protoc, [`-I${schemaDir}`, "--include_imports", `--descriptor_set_out=${out}`, "livekit.proto"]);
    return FileDescriptorSet.fromBinary(readFileSync(out)).file.filter((f) => f.package === "livekit");
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

// Upstream's generated code hangs nested types on underscored names and has no list of all types, so
// both are gathered by walking the exports and the fields of every message.
function upstreamTypes() {
  const messages = new Map();
  const enums = new Map();
  const visitEnum = (type) => enums.set(type.typeName, type);
  const visitMessage = (type) => {
    if (!type.typeName.startsWith("livekit.") || messages.has(type.typeName)) return;
    messages.set(type.typeName, type);
    for (const field of type.fields.list()) {
      if (field.kind === "message") visitMessage(field.T);
      if (field.kind === "enum") visitEnum(field.T);
      if (field.kind === "map" && field.V.kind === "message") visitMessage(field.V.T);
    }
  };
  const { proto3 } = createRequire(require.resolve("@livekit/protocol"))("@bufbuild/protobuf");
  for (const value of Object.values(upstream)) {
    if (typeof value === "function" && value.typeName && value.fields) visitMessage(value);
    else if (value && typeof value === "object") {
      try {
        visitEnum(proto3.getEnumType(value));
      } catch {
        // Not an enum: some other exported object.
      }
    }
  }
  return { messages, enums };
}

const problems = [];
const counts = { messages: 0, fields: 0, enums: 0, values: 0, leftOut: 0 };
const theirs = upstreamTypes();

function expectEqual(where, what, ours, upstreams) {
  if (ours !== upstreams) problems.push(`${where}: ${what} is ${ours}, upstream has ${upstreams}`);
}

function describeUpstream(field) {
  const scalar = (t) => ScalarType[t].toLowerCase();
  switch (field.kind) {
    case "scalar":
      return scalar(field.T);
    case "enum":
    case "message":
      return field.T.typeName;
    case "map":
      return `map<${scalar(field.K)},${field.V.kind === "scalar" ? scalar(field.V.T) : field.V.T.typeName}>`;
  }
}

function describeOurs(field, entries) {
  const named = field.typeName?.replace(/^\./, "");
  if (entries.has(named)) {
    const [key, value] = entries.get(named).field;
    return `map<${describeOurs(key, entries)},${describeOurs(value, entries)}>`;
  }
  return named || FieldDescriptorProto_Type[field.type].toLowerCase();
}

function checkEnum(name, ours) {
  counts.enums++;
  const upstreamEnum = theirs.enums.get(name);
  if (!upstreamEnum) return problems.push(`${name}: no such enum upstream`);
  for (const value of ours.value) {
    counts.values++;
    expectEqual(`${name}.${value.name}`, "number", value.number, upstreamEnum.findName(value.name)?.no);
  }
  expectEqual(name, "count of values", ours.value.length, upstreamEnum.values.length);
}

function checkField(where, field, context) {
  counts.fields++;
  const { message, entries, upstreamMessage } = context;
  const upstreamField = upstreamMessage.fields.list().find((f) => f.no === field.number);
  if (!upstreamField) return problems.push(`${where}: upstream has no field ${field.number}`);
  expectEqual(where, "name", field.name, upstreamField.name);
  expectEqual(where, "JSON name", field.jsonName, upstreamField.jsonName);
  expectEqual(where, "type", describeOurs(field, entries), describeUpstream(upstreamField));
  const isMap = entries.has(field.typeName?.replace(/^\./, ""));
  const repeated = field.label === FieldDescriptorProto_Label.REPEATED && !isMap;
  expectEqual(where, "repeated", repeated, Boolean(upstreamField.repeated));
  const isMessage = upstreamField.kind === "message";
  if (!isMessage) expectEqual(where, "optional", Boolean(field.proto3Optional), Boolean(upstreamField.opt));
  const inOneof = field.oneofIndex !== undefined && !field.proto3Optional;
  expectEqual(where, "oneof", inOneof ? message.oneofDecl[field.oneofIndex].name : undefined, upstreamField.oneof?.name);
}

function checkMessage(name, message) {
  counts.messages++;
  const upstreamMessage = theirs.messages.get(name);
  if (!upstreamMessage) return problems.push(`${name}: no such message upstream`);
  const entries = new Map();
  for (const nested of message.nestedType) {
    if (nested.options?.mapEntry) entries.set(`${name}.${nested.name}`, nested);
    else checkMessage(`${name}.${nested.name}`, nested);
  }
  for (const nested of message.enumType) checkEnum(`${name}.${nested.name}`, nested);
  for (const field of message.field) {
    checkField(`${name}.${field.name}`, field, { message, entries, upstreamMessage });
  }
  counts.leftOut += upstreamMessage.fields.list().length - message.field.length;
}

for (const file of ourDescriptors()) {
  for (const message of file.messageType) checkMessage(`livekit.${message.name}`, message);
  for (const type of file.enumType) checkEnum(`livekit.${type.name}`, type);
}

for (const problem of problems) console.error(problem);
console.log(
  `${counts.messages} messages, ${counts.fields} fields, ${counts.enums} enums, ${counts.values} values compared; ` +
    `${counts.leftOut} upstream fields left out; ${problems.length} differences`,
);
process.exit(problems.length === 0 && counts.fields > 400 ? 0 : 1);
