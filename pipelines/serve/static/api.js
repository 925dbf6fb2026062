// The API as its OpenAPI description tells it.

import { byId, make } from "./elements.js";
import { asked } from "./server.js";

function schemaName(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.map(schemaName).join(" or ");
  if (schema.type === "array") return `list of ${schemaName(schema.items)}`;
  return schema.format ? `${schema.type} (${schema.format})` : schema.type ?? "any";
}

function fields(schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) =>
    make("tr", {}, make("td", {}, make("code", {}, name)), make("td", { class: "left" }, schemaName(field)),
      make("td", { class: "left" }, field.description ?? "")));
  return make("div", { class: "wide" }, make("table", {}, make("tbody", {}, ...rows)));
}

function bodies(content) {
  return Object.entries(content).flatMap(([kind, { schema }]) => [
    make("p", {}, "Body ", make("code", {}, kind), schema.properties ? "" : ": the bytes of the file"),
    ...(schema.properties ? [fields(schema)] : []),
  ]);
}

function example(path, method, operation) {
  const content = operation.requestBody?.content ?? {};
  const origin = location.origin;
  if (method === "get") return `curl ${origin}${path}`;
  if (content["application/octet-stream"]) return `curl ${origin}${path} -H 'Content-Type: application/octet-stream' --data-binary @file`;
  return `curl ${origin}${path} -H 'Content-Type: application/json' -d '${JSON.stringify(content["application/json"]?.schema.example ?? {})}'`;
}

function section(path, method, operation) {
  const answers = Object.entries(operation.responses).map(([status, response]) => {
    const schema = Object.values(response.content ?? {})[0]?.schema;
    const name = schemaName(schema);
    return make("tr", {}, make("td", {}, status), make("td", { class: "left" }, response.description), make("td", { class: "left" }, name === "Problem" ? "Problem" : name));
  });
  return [
    make("h2", {}, make("span", { class: "method" }, method.toUpperCase()), " ", make("code", {}, path)),
    make("p", {}, `${operation.summary}. ${operation.description ?? ""}`),
    ...bodies(operation.requestBody?.content ?? {}),
    make("div", { class: "wide" }, make("table", {}, make("tbody", {}, ...answers))),
    make("pre", {}, example(path, method, operation)),
  ];
}

async function begin() {
  let found;
  try {
    found = await asked("/openapi.json");
  } catch (error) {
    byId("api").replaceChildren(make("p", { class: "alert" }, error.message));
    return;
  }
  const parts = [make("p", { class: "lead" }, found.info.description)];
  for (const [path, methods] of Object.entries(found.paths)) {
    for (const [method, operation] of Object.entries(methods)) parts.push(...section(path, method, operation));
  }
  parts.push(make("h2", {}, "Shapes"));
  for (const [name, schema] of Object.entries(found.components?.schemas ?? {})) {
    if (!name.includes("Validation")) parts.push(make("h3", {}, make("code", {}, name)), make("p", {}, schema.description ?? ""), fields(schema));
  }
  byId("api").replaceChildren(...parts);
}

begin();
