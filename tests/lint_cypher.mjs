// SPDX-License-Identifier: Apache-2.0
// Neo4j's own analyser over every statement of the folders given. Any diagnostic fails.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { lintCypherQuery } = createRequire(import.meta.url)("@neo4j-cypher/language-support");

const description = JSON.parse(readFileSync("schema/graph.json", "utf8"));
const database = {
  labels: Object.keys(description.nodes),
  relationshipTypes: Object.keys(description.relationships),
  databaseNames: [],
  aliasNames: [],
};

function* cypherFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* cypherFiles(path);
    else if (entry.name.endsWith(".cypher")) yield path;
  }
}

let statements = 0;
let failures = 0;
for (const folder of process.argv.slice(2)) {
  for (const path of [...cypherFiles(folder)].sort()) {
    const text = readFileSync(path, "utf8");
    // A migration holds several statements; each is analysed alone.
    for (const statement of folder === "schema" ? text.split(/;\s*\n/) : [text]) {
      if (!statement.replace(/^\/\/.*$/gm, "").trim()) continue;
      statements += 1;
      const parameters = Object.fromEntries([...statement.matchAll(/\$(\w+)/g)].map(([, name]) => [name, {}]));
      const { diagnostics } = lintCypherQuery(statement, { ...database, parameters });
      for (const { severity, message, range } of diagnostics) {
        failures += 1;
        console.error(`${path}:${range.start.line + 1}: ${severity === 1 ? "error" : "warning"}: ${message}`);
      }
    }
  }
}
console.log(`${statements} statements, ${failures} findings`);
process.exit(failures ? 1 : 0);
