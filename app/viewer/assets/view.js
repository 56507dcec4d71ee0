// What the pages do with JavaScript: keys, a word about newer records, and the proof of one record. Everything else works without.

const first = (selector) => document.querySelector(selector);

// Keys. A field keeps its own, and so does a browser's own shortcut.
const keys = first("#keys");
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const inField = event.target.matches("input, select, textarea");
  if (event.key === "Escape") {
    if (keys?.open) return;
    if (inField) event.target.blur();
    else if (first("a.back")) globalThis.navigation?.canGoBack ? history.back() : first("a.back").click(); // never to another site
    return;
  }
  if (inField) return;
  const act = { "/": () => first(".filters input, .filters select")?.focus(), "?": () => keys?.showModal(), j: () => move(1), k: () => move(-1) }[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

function move(by) {
  const rows = [...document.querySelectorAll("a.row")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  const next = rows[at < 0 ? 0 : Math.min(Math.max(at + by, 0), rows.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

// Newer records are announced. The table does not move under its reader.
const newer = first("#newer[data-count]");
if (newer) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(newer.dataset.count, { redirect: "error" }).catch(() => null);
    if (!answer?.ok) return;
    const { count, has_more: hasMore } = await answer.json();
    if (!count) return;
    const link = Object.assign(document.createElement("a"), { href: newer.dataset.show, textContent: "Show them" });
    newer.replaceChildren(`${hasMore ? "More than " : ""}${count} newer ${count === 1 ? "record" : "records"}. `, link);
    newer.hidden = false;
  }, 10000);
}

// Copying what a person would select by hand.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(first(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}

// The proof. RFC 6962: a leaf is SHA-256(0x00, line), a node is SHA-256(0x01, left, right).
const encoder = new TextEncoder();
const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
const hexOf = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const isSame = (one, other) => hexOf(one) === hexOf(other);

async function sha256(...parts) {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}

async function rootOf(hash, index, size, path) {
  let last = size - 1n;
  for (const sibling of path) {
    if (last === 0n) throw new Error("the proof has too many hashes");
    if (index % 2n || index === last) {
      hash = await sha256([1], sibling, hash);
      while (index % 2n === 0n && index) {
        index /= 2n;
        last /= 2n;
      }
    } else hash = await sha256([1], hash, sibling);
    index /= 2n;
    last /= 2n;
  }
  if (last !== 0n) throw new Error("the proof has too few hashes");
  return hash;
}

function readProof(text) {
  const [head, ...rest] = text.split("\n\n");
  const [version, index, ...path] = head.split("\n");
  if (version !== "c2sp.org/tlog-proof@v1" || !/^index \d+$/.test(index)) throw new Error("the proof has another form");
  const [body, signatures] = [rest[0], rest.slice(1).join("\n\n")];
  const [origin, size, root] = body.split("\n");
  return { index: BigInt(index.slice(6)), path: path.map(bytesOf), origin, size: BigInt(size), root: bytesOf(root), signed: `${body}\n`, signatures };
}

// A verifier key is name+hash+key, a signature line is "— name base64(hash, signature)" (C2SP signed-note).
async function isSigned(proof, verifierKey) {
  const [, name, hash, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(verifierKey) ?? [];
  const key = encoded ? bytesOf(encoded) : [];
  if (key[0] !== 1 || key.length !== 33) throw new Error("this is no Ed25519 verifier key of the form name+hash+key");
  if (!hexOf(await sha256(encoder.encode(`${name}\n`), key)).startsWith(hash)) throw new Error("the hash in the key does not fit");
  const imported = await crypto.subtle.importKey("raw", key.slice(1), "Ed25519", false, ["verify"]);
  for (const line of proof.signatures.split("\n")) {
    const [dash, signer, value] = line.split(" ");
    if (dash !== "—" || signer !== name) continue;
    const signature = bytesOf(value);
    if (hexOf(signature.slice(0, 4)) !== hash) continue;
    return crypto.subtle.verify("Ed25519", imported, signature.slice(4), encoder.encode(proof.signed));
  }
  return false;
}

const sealed = ["tenant_id", "id", "trace_id", "agent_id", "mode", "status", "http_status", "latency_ms", "created_at", "recorded_at", "api_key_id"];
const inOrder = (value) => JSON.stringify(value, (_, each) => (each && typeof each === "object" ? Object.fromEntries(Object.entries(each).sort()) : each));

async function judge(address, verifierKey, say) {
  const get = async (what) => {
    const answer = await fetch(`${address}/${what}`, { redirect: "error" });
    if (!answer.ok) throw new Error(answer.status === 409 ? "the record is not sealed yet: try again in some seconds" : `the service answered ${answer.status}`);
    return answer.text();
  };
  const [lines, proofText] = await Promise.all(["leaf", "proof"].map(get));
  const [line, privateLine] = lines.split("\n");
  // What stands on the page is judged, not what the service would send now.
  const [shown, leaf, proof] = [JSON.parse(first("#raw").textContent), JSON.parse(line), readProof(proofText)];
  const wrong = sealed.filter((name) => (shown[name] ?? null) !== (leaf[name] ?? null));
  say(!wrong.length, wrong.length ? `The record on this page differs from its leaf: ${wrong.join(", ")}.` : "The record on this page says what its leaf says.");
  if (privateLine) {
    const personal = JSON.parse(privateLine);
    const context = typeof personal.context === "string" ? JSON.parse(personal.context) : personal.context;
    const same = personal.user_id === shown.user_id && personal.error === shown.error && inOrder(context) === inOrder(shown.context);
    const fits = hexOf(await sha256(encoder.encode(privateLine))) === leaf.private_sha256;
    say(same && fits, same && fits ? "User, error and context are those of the leaf." : "User, error or context differ from those of the leaf.");
  } else {
    const none = [shown.user_id, shown.error, shown.context].every((each) => each === null);
    say(none ? null : false, none ? "User, error and context were erased: the leaf has their digest alone." : "User, error or context stand on this page, and the leaf says that they were erased.");
  }
  const root = await rootOf(await sha256([0], encoder.encode(line)), proof.index, proof.size, proof.path);
  const isIn = isSame(root, proof.root);
  say(isIn, isIn ? `The leaf was sealed: it is leaf ${proof.index} of the ${proof.size} leaves of the checkpoint of ${proof.origin}.` : "The record is not what was sealed: its leaf is not in the tree of the checkpoint.");
  if (!verifierKey) say(null, "Who signed the checkpoint was not checked: no public key is given.");
  else {
    const good = await isSigned(proof, verifierKey);
    say(good, good ? "The checkpoint is signed with this key." : "The checkpoint is not signed with this key.");
  }
}

const proof = first("#proof");
if (proof && globalThis.crypto?.subtle) {
  first(".needs-script").hidden = false;
  first("#verify").addEventListener("click", async ({ target }) => {
    const list = document.createElement("ul");
    const say = (good, text) => {
      const word = good === null ? "NOT CHECKED" : good ? "PASS" : "FAIL";
      const item = document.createElement("li");
      const mark = Object.assign(document.createElement("strong"), { textContent: word, className: { PASS: "pass", FAIL: "fail" }[word] ?? "open" });
      item.append(mark, ` ${text}`);
      list.append(item);
    };
    target.disabled = true;
    try {
      await judge(proof.dataset.record, first("#key").value.trim(), say);
    } catch (error) {
      say(false, `It could not be verified: ${error.message}.`);
    }
    first("#verdict").replaceChildren(list);
    target.disabled = false;
  });
}
