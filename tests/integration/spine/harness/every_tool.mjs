// Lists the tools of `oppen mcp` by the official TypeScript SDK and calls those that only read, with the arguments that the first command line
// argument has for each (as JSON). Prints one JSON object: what was listed, and what each told. The SDK itself holds what is told against
// the tool's output schema, once it has listed them.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.OPPEN_NODE_MODULES}/package.json`);
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");

const given = JSON.parse(process.argv[2]);
const client = new Client({ name: "oppen-tests", version: "1" });
await client.connect(new StdioClientTransport({ command: "oppen", args: ["mcp"], env: process.env, stderr: "inherit" }));
try {
  const { tools } = await client.listTools();
  const told = {};
  for (const tool of tools.filter((one) => one.annotations.readOnlyHint)) {
    const { isError, structuredContent, content } = await client.callTool({ name: tool.name, arguments: given[tool.name] ?? {} });
    told[tool.name] = { isError, structuredContent, text: content[0].text };
  }
  console.log(JSON.stringify({ server: client.getServerVersion().name, listed: tools.map((one) => one.name), told }));
} finally {
  await client.close();
}
