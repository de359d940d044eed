// SPDX-License-Identifier: Apache-2.0
// A picture of the graph in Neo4j Browser, by headless Chromium:
//   node docs/picture.mjs PAGE BOLT USER PASSWORD QUERY OUT.png   (the first four as `memwalk db browser` prints them)
// The README's picture is of the demo's store, with this query:
//   MATCH (e:Entity {name: 'marc isambard'})<-[m:MENTIONS]-(p:Passage)<-[h:HAS_PART]-(d:Document)-[i:IN_SPACE]->(s:Space)
//   OPTIONAL MATCH (p)-[a:ABOUT]->(t:Entity) OPTIONAL MATCH (f:Fact)-[x:SUBJECT|OBJECT]->(e)
//   OPTIONAL MATCH (p)-[hd:HEAD]->(v:Version)-[w:WAS_GENERATED_BY]->(act:Activity)-[af:ACTED_FOR]->(who:Principal)
//   OPTIONAL MATCH (g:Principal)-[gr:GRANTED]->(s) RETURN *
// Needs playwright-core (npm) and a Chromium (CHROMIUM=path).
import { createRequire } from "node:module";

const { chromium } = createRequire(`${process.cwd()}/`)("playwright-core");
const [page_url, bolt, user, password, query, out] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
});
const page = await browser.newPage({ viewport: { width: 1500, height: 1000 }, deviceScaleFactor: 1 });
await page.goto(`${page_url}?connectURL=${encodeURIComponent(bolt.replace("bolt://", `bolt://${user}@`))}`);
await page.waitForSelector('[data-testid="password"], input[type="password"]', { timeout: 60000 });
await page.fill('input[data-testid="username"]', user);
await page.fill('input[type="password"]', password);
await page.click('button[data-testid="connect"]');
await page.waitForSelector(".monaco-editor", { timeout: 60000 });
await page.waitForTimeout(2000);
await page.click(".monaco-editor");
await page.keyboard.insertText(query);
await page.keyboard.press("Control+Enter");
await page.waitForSelector("svg .node", { timeout: 60000 });
await page.waitForTimeout(6000);
// The frame with the graph, without the page around it.
const frame = page.locator("article").filter({ has: page.locator("svg .node") }).first();
await frame.scrollIntoViewIfNeeded();
await frame.screenshot({ path: out });
await browser.close();
