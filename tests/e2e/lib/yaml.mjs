// The little YAML that a configuration file needs: nested maps, lists of scalars or maps, scalars.

const isMap = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const scalar = (value) => (typeof value === 'string' ? JSON.stringify(value) : String(value));

export function toYaml(map, indent = '') {
  let text = '';
  for (const [key, value] of Object.entries(map)) {
    if (isMap(value)) {
      text += `${indent}${key}:\n${toYaml(value, `${indent}  `)}`;
    } else if (Array.isArray(value) && value.length) {
      text += `${indent}${key}:\n`;
      for (const item of value) {
        const entry = isMap(item) ? toYaml(item, `${indent}    `).trimStart() : `${scalar(item)}\n`;
        text += `${indent}  - ${entry}`;
      }
    } else {
      text += `${indent}${key}: ${Array.isArray(value) ? '[]' : scalar(value)}\n`;
    }
  }
  return text;
}

// Deep merge of configuration maps; later wins, lists are replaced.
export function merge(base, extra) {
  const out = { ...base };
  for (const [key, value] of Object.entries(extra ?? {})) {
    out[key] = isMap(value) && isMap(out[key]) ? merge(out[key], value) : value;
  }
  return out;
}
