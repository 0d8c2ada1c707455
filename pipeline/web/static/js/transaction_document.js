// The documents that a file holds packed: shown as the server shows a document, each text as text.

export class Packed {
  constructor(element) {
    const data = element ? JSON.parse(element.textContent) : { texts: [], documents: {} };
    this.texts = data.texts;
    this.documents = data.documents;
  }

  // what is shown of the row with this number; null where the file does not have it
  show(number) {
    const found = this.documents[number];
    if (!found) return null;
    const [kind, title, body, exceptions, fields, more] = found;
    const part = document.createDocumentFragment();
    part.append(made("h2", "breaks", this.texts[title] || this.texts[kind]));
    part.append(made("p", "quiet small", this.texts[kind] === "span" ? "span" : "log line"));
    for (const exception of exceptions) part.append(this.exception(exception));
    for (const text of body) part.append(this.block("message", text));
    part.append(this.fields(fields));
    if (more) part.append(made("p", "quiet small", `${more.toLocaleString("en")} more fields are left out here; tracejoin search --json prints them.`));
    return part;
  }

  exception([type, message, stack]) {
    const found = made("div", "exception");
    const said = made("p", "");
    said.append(made("strong", "", this.texts[type] || "exception"), this.texts[message] ? `: ${this.texts[message]}` : "");
    found.append(said);
    if (this.texts[stack[0]]) found.append(...this.block("", stack).childNodes);
    return found;
  }

  block(name, [text, left]) {
    const found = made("div", name);
    found.append(made("pre", "", this.texts[text]));
    if (left) found.append(made("p", "quiet small", `${left.toLocaleString("en")} more characters are left out here; tracejoin search --raw prints them.`));
    return found;
  }

  fields(fields) {
    const found = made("dl", "pairs fields");
    for (const [name, [text, left]] of fields) {
      found.append(made("dt", "mono", this.texts[name]));
      found.append(made("dd", "mono", this.texts[text] + (left ? ` (${left.toLocaleString("en")} more characters)` : "")));
    }
    return found;
  }
}

function made(tag, name, text = "") {
  const found = document.createElement(tag);
  if (name) found.className = name;
  found.textContent = text;
  return found;
}
