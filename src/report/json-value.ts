/** A value from a JSON file and where it stands, so that whatever is wrong there is told with its path. */

export class JsonError extends Error {}

export class JsonValue {
  readonly #value: unknown;
  readonly #path: string;

  constructor(value: unknown, path = '') {
    this.#value = value;
    this.#path = path;
  }

  /** Whether there is anything. */
  get isGiven(): boolean {
    return this.#value !== undefined;
  }

  get raw(): unknown {
    return this.#value;
  }

  get path(): string {
    return this.#path;
  }

  text(): string {
    return typeof this.#value === 'string' ? this.#value : this.#wrong('text');
  }

  oneOf<T extends string>(choices: readonly T[]): T {
    return choices.find((choice) => choice === this.#value) ?? this.#wrong(`one of ${choices.join(', ')}`);
  }

  /** A number; as text where JSON has none for it ('NaN', 'Infinity', '-Infinity', '-0'). */
  number(): number {
    if (typeof this.#value === 'number') return this.#value;
    if (['NaN', 'Infinity', '-Infinity', '-0'].includes(this.#value as string)) return Number(this.#value);
    return this.#wrong('a number');
  }

  /** A whole number, 0 or more. */
  count(): number {
    return Number.isSafeInteger(this.#value) && (this.#value as number) >= 0
      ? (this.#value as number)
      : this.#wrong('a whole number, 0 or more');
  }

  isTrue(): boolean {
    return typeof this.#value === 'boolean' ? this.#value : this.#wrong('true or false');
  }

  list(): JsonValue[] {
    if (!Array.isArray(this.#value)) return this.#wrong('a list');
    return this.#value.map((item, n) => new JsonValue(item, `${this.#path}[${n}]`));
  }

  /** A field of an object; one that is missing is not given. */
  at(name: string): JsonValue {
    if (typeof this.#value !== 'object' || this.#value === null || Array.isArray(this.#value))
      return this.#wrong('an object');
    const value = Object.hasOwn(this.#value, name) ? (this.#value as Record<string, unknown>)[name] : undefined;
    return new JsonValue(value, this.#path === '' ? name : `${this.#path}.${name}`);
  }

  /** The names in an object. */
  names(): string[] {
    return typeof this.#value === 'object' && this.#value !== null && !Array.isArray(this.#value)
      ? Object.keys(this.#value)
      : this.#wrong('an object');
  }

  /** What `read` makes of it, where it is given. */
  optional<T>(read: (value: JsonValue) => T): T | undefined {
    return this.isGiven ? read(this) : undefined;
  }

  #wrong(due: string): never {
    const found = this.#value === undefined ? 'missing' : shorten(JSON.stringify(this.#value) ?? typeof this.#value);
    throw new JsonError(`${this.#path === '' ? 'the whole' : this.#path} is ${found}; it is ${due}.`);
  }
}

const shorten = (text: string): string => (text.length <= 60 ? text : `${text.slice(0, 57)}...`);
