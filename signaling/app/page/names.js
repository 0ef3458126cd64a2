// How people are named and coloured.

// Tabs of one person need identities of their own; the part after ~ is not shown.
export const uniqueIdentity = (name) => `${name}~${Math.random().toString(36).slice(2, 6)}`;
export const shownName = (person) => (person.name || person.identity).replace(/~\w{1,4}$/, '');

export function hueOf(text) {
  let hash = 7;
  for (const letter of text) hash = (hash * 31 + letter.codePointAt(0)) % 997;
  return hash % 360;
}
