// Builds `dist`, which the server embeds. The same sources and packages produce the same bytes on
// every machine; a test rebuilds and compares.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, transform } from "esbuild";

const HERE = import.meta.dirname;
const ASSETS = "dist/assets";
const TARGET = "es2022";

const path = (name) => join(HERE, name);
const read = (name) => readFileSync(path(name));
const write = (name, content) => writeFileSync(path(name), content);
const hash = (content) => createHash("sha256").update(content).digest("hex");
/** Returns the URL of a file in `dist/assets`. */
const url = (name) => `/assets/${name}`;

/** Bundles scripts and style sheets, with a content hash in each name. */
async function bundle() {
  const { metafile } = await build({
    absWorkingDir: HERE,
    entryPoints: { app: "src/main.tsx", page: "src/styles/page.css" },
    outdir: ASSETS,
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    target: TARGET,
    minify: true,
    sourcemap: "linked",
    legalComments: "none",
    charset: "utf8",
    metafile: true,
    logLevel: "warning",
  });
  return metafile;
}

/** Returns the output file of an entry point and the chunks that it imports statically. */
function outputsOf({ outputs }, entry) {
  const [first] = Object.entries(outputs).find(([, output]) => output.entryPoint === entry);
  const needed = new Set([first]);
  for (const name of needed) {
    const fixed = outputs[name].imports.filter(({ kind }) => kind === "import-statement");
    fixed.forEach((chunk) => needed.add(chunk.path));
  }
  return [...needed].map((name) => basename(name));
}

/**
 * Copies the icons to names with a content hash. Returns the URLs by the names in the templates.
 */
function icons() {
  const names = readdirSync(path("static/icons")).sort();
  return names.map((name) => {
    const content = read(`static/icons/${name}`);
    const hashed = name.replace(/(\.\w+)$/, `-${hash(content).slice(0, 8).toUpperCase()}$1`);
    write(`${ASSETS}/${hashed}`, content);
    return [`icons/${name}`, url(hashed)];
  });
}

/** Returns the licenses of all packages in the bundle. */
function licences({ inputs }) {
  const folder = /^node_modules\/(?:@[^/]+\/)?[^/]+/;
  const folders = new Set(Object.keys(inputs).flatMap((name) => name.match(folder) ?? []));
  const texts = [...folders].sort().map((name) => {
    const { name: called, version, license } = JSON.parse(read(`${name}/package.json`));
    return `${called} ${version} (${license})\n\n${read(`${name}/LICENSE`)}`;
  });
  const line = `\n${"=".repeat(80)}\n`;
  return `Taskwell's web app contains the work of others:\n${line}${texts.join(line)}`;
}

/** Fills in the placeholders of a template. */
function fill(template, names) {
  return template.replaceAll(/\{\{([^}]+)\}\}/g, (place, name) => {
    if (!(name in names)) {
      throw new Error(`nothing for ${place}`);
    }
    return names[name];
  });
}

rmSync(path("dist"), { recursive: true, force: true });
mkdirSync(path(ASSETS), { recursive: true });
const metafile = await bundle();
const [app, ...chunks] = outputsOf(metafile, "src/main.tsx");
const [styles] = outputsOf(metafile, "src/styles/page.css");
const names = {
  ...Object.fromEntries(icons()),
  "main.tsx": url(app),
  "styles/page.css": url(styles),
  preloads: chunks.map((name) => `<link rel="modulepreload" href="${url(name)}">`).join("\n"),
};
write("dist/licenses.txt", licences(metafile));
for (const name of ["index.html", "manifest.webmanifest"]) {
  write(`dist/${name}`, fill(String(read(`static/${name}`)), names));
}

// The worker caches the files of this version, without source maps.
const kept = readdirSync(path(ASSETS)).filter((name) => !name.endsWith(".map"));
kept.sort();
const version = hash(
  [String(read("dist/index.html")), String(read("dist/manifest.webmanifest")), ...kept].join("\n"),
);
const worker = String(read("src/worker.ts"))
  .replace('"{{version}}"', JSON.stringify(url(version.slice(0, 16))))
  .replace('"{{files}}"', JSON.stringify(kept.map(url)).slice(1, -1));
const { code } = await transform(worker, { loader: "ts", target: TARGET, charset: "utf8" });
write("dist/sw.js", code);
