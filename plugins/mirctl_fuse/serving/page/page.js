// What comes from the index or the user is only ever put in as text.
const byId = (id) => document.getElementById(id);
const form = byId("form");
const ACCEPTED = { image: "image/*", audio: "audio/*,video/*", video: "video/*" };
let about = null;
let latest = 0;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function field(name, label, properties, wide = false) {
  const input = element("input", { name, ...properties });
  return element("label", { className: wide ? "wide" : "" }, label, input);
}

function build() {
  byId("size").textContent = `${about.items.toLocaleString("en")} items`;
  const texts = Object.entries(about.modalities).filter(([, kind]) => kind === "text");
  for (const [name, kind] of Object.entries(about.modalities)) {
    const wide = kind === "text" && name === texts[0][0];
    const what = kind === "text" ? { type: "search", autocomplete: "off" } : { type: "file", accept: ACCEPTED[kind] };
    const label = name === kind ? name : `${name} (${kind})`;
    const made = field(`by:${name}`, label, what, wide);
    if (wide) byId("asked").prepend(made);
    else byId("asked").append(made);
  }
  if (about.users) byId("asked").append(field("user", "or what suits a user, by id", { type: "search", autocomplete: "off" }));
  for (const [number, [name, values]] of Object.entries(about.columns).entries()) {
    const made = field(`where:${name}`, `only where ${name} is`, { type: "search", autocomplete: "off" });
    if (values.length) {
      const list = element("datalist", { id: `values-${number}` }, ...values.map((value) => element("option", { value })));
      made.querySelector("input").setAttribute("list", list.id);
      made.append(list);
    }
    byId("filters").append(made);
  }
  byId("faster").hidden = about.approximate.length === 0;
}

function asked() {
  const found = { query: {}, where: [], k: byId("k").valueAsNumber || 12, apart: byId("apart").checked, approximate: byId("approximate").checked };
  const files = [];
  for (const input of form.querySelectorAll("input[name]")) {
    const [kind, name] = [input.name.split(":", 1)[0], input.name.slice(input.name.indexOf(":") + 1)];
    if (input.type === "file") {
      if (input.files.length) files.push([name, input.files[0]]);
    } else if (input.value.trim()) {
      if (kind === "where") found.where.push(`${name}=${input.value}`);
      else found.query[name] = input.value;
    }
  }
  return [found, files];
}

async function answered(response) {
  const told = await response.json().catch(() => ({ error: { message: `the server said ${response.status}` } }));
  if (!response.ok) throw new Error([told.error.where, told.error.message].filter(Boolean).join(": "));
  return told;
}

async function search() {
  const [wanted, files] = asked();
  if (!files.length && !Object.keys(wanted.query).length) {
    byId("problem").textContent = "Say what to look for.";
    return;
  }
  const turn = ++latest;
  const button = form.querySelector("button[type=submit]");
  button.setAttribute("aria-busy", "true");
  byId("problem").textContent = "";
  byId("status").textContent = "Searching …";
  try {
    let body = JSON.stringify(wanted);
    const headers = {};
    if (files.length) {
      const sent = new FormData();
      sent.append("search", body);
      for (const [name, file] of files) sent.append(name, file);
      body = sent;
    } else headers["Content-Type"] = "application/json";
    const { results } = await answered(await fetch("/search", { method: "POST", headers, body }));
    if (turn === latest) show(results);
  } catch (error) {
    if (turn !== latest) return;
    byId("results").replaceChildren();
    byId("status").textContent = "";
    byId("problem").textContent = error instanceof TypeError ? "The server cannot be reached." : error.message;
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function show(results) {
  byId("status").textContent = results.length === 1 ? "1 result, best first" : `${results.length} results, best first`;
  byId("results").replaceChildren(...results.map(card));
}

function card(row) {
  const name = row.title ?? row.item_id;
  const picture = row.picture
    ? element("img", { className: "picture", src: row.picture, alt: "", loading: "lazy" })
    : element("div", { className: "picture nothing" }, "no picture");
  if (row.picture) picture.addEventListener("error", () => picture.replaceWith(element("div", { className: "picture nothing" }, "no picture")));
  const button = element("button", { type: "button" }, name);
  button.addEventListener("click", () => details(row.item_id, name));
  const figures = element("span", { className: "figures" }, `${row.rank}. score ${row.score.toPrecision(4)}`);
  return element("li", {}, picture, element("div", { className: "told" }, button, figures));
}

async function details(id, name) {
  let item;
  try {
    item = await answered(await fetch(`/items/${encodeURIComponent(id)}`));
  } catch (error) {
    byId("problem").textContent = error.message;
    return;
  }
  byId("item-title").textContent = name;
  const shown = ([key, value]) => [element("dt", {}, key), element("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value))];
  byId("item-columns").replaceChildren(...Object.entries({ item_id: item.item_id, ...item.columns }).flatMap(shown));
  byId("item").showModal();
}

function remember() {
  const kept = new URLSearchParams();
  for (const input of form.querySelectorAll("input[name]")) if (input.type !== "file" && input.value.trim()) kept.append(input.name, input.value);
  kept.append("k", byId("k").value);
  history.replaceState(null, "", `?${kept}`);
}

function recall() {
  const kept = new URLSearchParams(location.search);
  let any = false;
  for (const input of form.querySelectorAll("input[name]")) {
    if (input.type === "file" || !kept.has(input.name)) continue;
    input.value = kept.get(input.name);
    any = true;
    if (input.name.startsWith("where:")) byId("more").open = true;
  }
  if (kept.has("k")) byId("k").value = kept.get("k");
  return any;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  remember();
  search();
});
form.addEventListener("reset", () => {
  latest += 1;
  for (const id of ["problem", "status"]) byId(id).textContent = "";
  byId("results").replaceChildren();
  history.replaceState(null, "", location.pathname);
});

try {
  about = await answered(await fetch("/about"));
  build();
  if (recall()) search();
  else form.querySelector("input").focus();
} catch (error) {
  byId("problem").textContent = error.message;
}
