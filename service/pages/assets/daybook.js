// Pages work without this: it swaps the answer instead of the page, moves the clocks, opens the drawer, checks proofs.
const policy = window.trustedTypes?.createPolicy("daybook", { createHTML: (text) => text }) ?? { createHTML: (text) => text };
const parsed = (text) => new DOMParser().parseFromString(policy.createHTML(text), "text/html");
const $ = (selector, within = document) => within.querySelector(selector);
const kept = new Map();
let newest = 0;

async function fragment(url) {
  const address = url.split("#")[0];
  if (!kept.has(address)) {
    const answer = await fetch(address, { headers: { "Daybook-Fragment": "main", Accept: "text/html" }, redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 401) { location.href = address; return null; }
    if (kept.size > 60) kept.delete(kept.keys().next().value);
    const text = await answer.text();
    if (!answer.ok) return text;
    kept.set(address, text);
  }
  return kept.get(address);
}

async function go(url, { push = true, onlyAnswer = false } = {}) {
  const mine = ++newest, main = $("#main"), answer = $("#answer") ?? main;
  const busy = setTimeout(() => answer.setAttribute("aria-busy", "true"), 150);
  let text;
  try { text = await fragment(url); } catch { location.href = url; return; } finally { clearTimeout(busy); }
  if (text === null || mine !== newest) return;
  const made = parsed(text), focus = document.activeElement?.id || document.activeElement?.name;
  if (onlyAnswer && $("#answer", made) && $("#answer")) $("#answer").replaceWith($("#answer", made));
  else main.replaceChildren(...made.body.childNodes);
  document.title = $("#answer")?.dataset.title ?? document.title;
  history[push ? "pushState" : "replaceState"](null, "", url);
  if (!onlyAnswer) { wake(); if (focus) ($(`#${CSS.escape(focus)}`) ?? $(`[name="${CSS.escape(focus)}"]`))?.focus({ preventScroll: true }); }
  clearTimeout(go.telling);
  go.telling = setTimeout(() => { $("#said").textContent = $("#claim")?.textContent ?? ""; }, 400);
}

const day = (ordinal) => new Date(ordinal * 864e5).toISOString().slice(0, 10);
const ordinal = (text) => Date.parse(`${text}T00:00:00Z`) / 864e5;

function addressOfBar() {
  const url = new URL($("#bar").action), data = new FormData($("#bar"));
  for (const [name, value] of data) if (value !== "") url.searchParams.append(name, value);
  return url.pathname + url.search;
}

function wake() {
  const bar = $("#bar");
  if (!bar) return;
  bar.classList.add("live");
  for (const clock of bar.querySelectorAll(".clock")) {
    const range = $("input[type=range]", clock), field = $("input.day", clock);
    const first = ordinal(clock.dataset.first), days = clock.dataset.days.split(" ").filter(Boolean).map(ordinal);
    const stops = [first, ...days.filter((one) => one > first), ordinal(clock.dataset.last)];
    range.hidden = false;
    const moveTo = (at) => {
      field.value = day(at); range.value = at - first; range.setAttribute("aria-valuetext", field.value);
      go(addressOfBar(), { push: false, onlyAnswer: true });
    };
    range.addEventListener("input", () => {
      const at = first + Number(range.value), before = stops.filter((one) => one <= at).pop() ?? first;
      if (day(before) !== field.value) moveTo(before);
    });
    clock.step = (way) => {
      const at = field.value ? ordinal(field.value) : stops.at(-1) + 1;
      const to = way < 0 ? stops.filter((one) => one < at).pop() : stops.find((one) => one > at);
      if (to !== undefined) moveTo(to);
    };
    for (const link of clock.querySelectorAll("a.step")) link.addEventListener("click", (event) => {
      event.preventDefault(); event.stopPropagation(); clock.step(link.dataset.step === "before" ? -1 : 1);
    });
    range.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (way === undefined) return;
      event.preventDefault();
      clock.step(way);
    });
  }
  bar.addEventListener("change", (event) => { if (event.target.type !== "range" && event.target.validity.valid) go(addressOfBar(), { onlyAnswer: event.target.className === "day" }); });
  bar.addEventListener("submit", (event) => { event.preventDefault(); go(addressOfBar()); });
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[href]"), proof = event.target.closest("button[data-proof]");
  if (proof) { event.preventDefault(); prove(proof); return; }
  if (event.target.closest("#drawer .close")) { event.preventDefault(); $("#drawer").close(); return; }
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button || link.target) return;
  const url = new URL(link.href);
  if (link.hasAttribute("data-drawer")) {
    event.preventDefault();
    const text = await fragment(url.pathname + url.search);
    if (text === null) return;
    $("#drawer").replaceChildren(...parsed(text).body.childNodes);
    $("#drawer").showModal();
  } else if (url.origin === location.origin && url.pathname === location.pathname && url.search !== location.search && !link.dataset.whole && !link.hasAttribute("data-whole")) {
    event.preventDefault();
    go(url.pathname + url.search);
  }
});
addEventListener("popstate", () => go(location.pathname + location.search, { push: false }));

let going = 0;
const letters = () => localStorage.getItem("letters") !== "off";
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName) || !letters()) return;
  if (event.key === "Escape" && !$("dialog[open]") && $("[data-leave]")) { location.href = $("[data-leave]").href; return; }
  const clock = (name) => $(`[data-clock="${name}"]`);
  const acts = {
    "[": () => clock("effective_on")?.step(-1), "]": () => clock("effective_on")?.step(1),
    "{": () => clock("known_on")?.step(-1), "}": () => clock("known_on")?.step(1),
    y: () => navigator.clipboard?.writeText(location.href), ".": () => { const to = $("#answer")?.dataset.json; if (to) location.href = to; },
    "?": () => $("#keys").showModal(), g: () => { going = Date.now(); },
  };
  if (Date.now() - going < 1500) {
    const link = $(`nav a[data-key="${CSS.escape(event.key)}"]`);
    going = 0;
    if (link) { event.preventDefault(); location.href = link.href; return; }
  }
  if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
});
$("#letters")?.addEventListener("change", (event) => localStorage.setItem("letters", event.target.checked ? "on" : "off"));
if ($("#letters")) $("#letters").checked = letters();

const bytes = (base64) => Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
const sha = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer()));
const same = (one, other) => one.length === other.length && one.every((byte, place) => byte === other[place]);

// RFC 9162, section 2.1.3.2: from the bytes of the event to the root that the checkpoint signs.
async function prove(button) {
  const said = button.nextElementSibling, position = Number(button.dataset.proof), began = performance.now();
  const tell = (good, words) => { said.className = `proof ${good ? "good" : "bad"}`; said.textContent = words; };
  if (!crypto.subtle) { tell(false, said.dataset.plain); return; }
  try {
    const [event, proof] = await Promise.all([fetch(`/api/v1/events/${position}`, { headers: { Accept: "application/json" } }), fetch(`/api/v1/events/${position}/proof`)]);
    if (!event.ok || !proof.ok) throw new Error(String(proof.status));
    const [entry, text] = [new Uint8Array(await event.arrayBuffer()), await proof.text()];
    const [head, note] = [text.slice(0, text.indexOf("\n\n")).split("\n"), text.slice(text.indexOf("\n\n") + 2)];
    const [, size, root] = note.split("\n");
    let place = Number(head[1].split(" ")[1]), last = Number(size) - 1, hash = await sha(Uint8Array.of(0), entry);
    if (place !== position - 1 || place > last) throw new Error("index");
    for (const step of head.slice(2).map(bytes)) {
      if (last === 0) throw new Error("length");
      if (place % 2 === 1 || place === last) {
        hash = await sha(Uint8Array.of(1), step, hash);
        while (place % 2 === 0 && place !== 0) { place = Math.floor(place / 2); last = Math.floor(last / 2); }
      } else hash = await sha(Uint8Array.of(1), hash, step);
      place = Math.floor(place / 2); last = Math.floor(last / 2);
    }
    const good = last === 0 && same(hash, bytes(root));
    const words = (good ? said.dataset.good : said.dataset.bad).replace("{leaf}", position).replace("{size}", size);
    tell(good, `${good ? "✓" : "✗"} ${words.replace("{hashes}", head.length - 2).replace("{root}", `${root.slice(0, 12)}…`)} (${Math.round(performance.now() - began)} ms)`);
  } catch (fault) { tell(false, `${said.dataset.bad.replace("{leaf}", position)} (${fault.message})`); }
}

wake();
