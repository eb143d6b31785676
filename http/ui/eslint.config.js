// What the compiler does not see: promises that nobody waits for, texts outside of `src/texts`,
// files and functions that are longer than one can read.
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

const LITERAL_TEXT = "Texts for people stand in src/texts.";

export default defineConfig(
  { ignores: ["dist", "node_modules"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["src/**/*.{ts,tsx}"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: false, project: "./tsconfig*.json" } },
    rules: {
      eqeqeq: "error",
      "no-console": ["error", { allow: ["warn", "error"] }],
      "no-restricted-imports": ["error", { patterns: ["**/worker"] }],
      "max-len": ["error", { code: 100, ignoreStrings: true, ignoreTemplateLiterals: true }],
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", { max: 60, IIFEs: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-misused-promises": [
        "error",
        { checksVoidReturn: { attributes: false } },
      ],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "no-restricted-syntax": [
        "error",
        { selector: "JSXText[value=/\\p{L}/u]", message: LITERAL_TEXT },
        {
          selector:
            "JSXAttribute[name.name=/^(aria-label|aria-description|title|placeholder|label|lead|text)$/]" +
            " :matches(Literal[value=/\\p{L}/u], TemplateElement[value.raw=/\\p{L}/u])",
          message: LITERAL_TEXT,
        },
        {
          selector:
            "CallExpression[callee.name=/^(toast|announce)$/]" +
            " > :matches(Literal[value=/\\p{L}/u], TemplateLiteral > TemplateElement[value.raw=/\\p{L}/u])",
          message: LITERAL_TEXT,
        },
      ],
    },
  },
  // A catalogue is looked up, not read.
  { files: ["src/texts/*.ts"], rules: { "max-lines": "off" } },
);
