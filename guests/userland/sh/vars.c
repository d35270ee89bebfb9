// Variables and positional parameters.
#include "sh.h"

enum { BUCKETS = 32 };
static struct variable *variables[BUCKETS];
struct parameters positional;
char *shell_name;
struct shell_options options;

static struct variable **bucket(const char *name, size_t length) {
  u32 hash = 0;
  for (size_t i = 0; i < length; i++) hash = hash * 31 + name[i];
  return &variables[hash % BUCKETS];
}

static struct variable *find(const char *name, size_t length) {
  struct variable *variable = *bucket(name, length);
  while (variable != NULL && (strncmp(variable->name, name, length) != 0 || variable->name[length] != 0)) {
    variable = variable->next;
  }
  return variable;
}

struct variable *find_variable(const char *name) { return find(name, strlen(name)); }

const char *get_variable(const char *name) {
  struct variable *variable = find_variable(name);
  return variable == NULL ? NULL : variable->value;
}

static struct variable *declare(const char *name, size_t length) {
  struct variable *variable = find(name, length);
  if (variable != NULL) return variable;
  variable = allocate(sizeof *variable + length + 1);
  memset(variable, 0, sizeof *variable);
  memcpy(variable->name, name, length);
  variable->name[length] = 0;
  variable->next = *bucket(name, length);
  *bucket(name, length) = variable;
  return variable;
}

struct variable *declare_variable(const char *name) { return declare(name, strlen(name)); }

static bool give_value(struct variable *variable, const char *value) {
  if (variable->read_only) {
    warn("%s: is read only", variable->name);
    shell_error(2);
    return false;
  }
  char *copy = value == NULL ? NULL : copy_string(value);
  release(variable->value);
  variable->value = copy;
  if (options.all_export && value != NULL) variable->exported = true;
  return true;
}

bool set_variable(const char *name, const char *value) { return give_value(declare_variable(name), value); }

bool assign(const char *assignment, bool export) {
  size_t length = name_length(assignment);
  struct variable *variable = declare(assignment, length);
  if (!give_value(variable, assignment + length + 1)) return false;
  if (export) variable->exported = true;
  return true;
}

bool unset_variable(const char *name) {
  struct variable *variable = find_variable(name);
  if (variable == NULL) return true;
  if (!give_value(variable, NULL)) return false;
  variable->exported = false;
  return true;
}

size_t name_length(const char *s) {
  size_t length = 0;
  if (is_digit(*s)) return 0;
  while (is_alpha(s[length]) || is_digit(s[length]) || s[length] == '_') length++;
  return length;
}

void each_variable(void (*visit)(struct variable *)) {
  for (u32 i = 0; i < BUCKETS; i++) {
    for (struct variable *variable = variables[i]; variable != NULL; variable = variable->next) visit(variable);
  }
}

static struct list *collecting;

static void collect(struct variable *variable) {
  if (!variable->exported || variable->value == NULL) return;
  struct text setting = {0};
  text_string(&setting, variable->name);
  text_put(&setting, '=');
  text_string(&setting, variable->value);
  list_add(collecting, setting.data);
}

char **make_environment(void) {
  struct list settings = {0};
  collecting = &settings;
  each_variable(collect);
  if (settings.count == 0) list_add(&settings, NULL);
  return settings.items;
}

void print_quoted(const char *value) {
  put_char(&out, '\'');
  for (; *value != 0; value++) {
    if (*value == '\'') print("'\\''");
    else put_char(&out, *value);
  }
  put_char(&out, '\'');
}

static void collect_name(struct variable *variable) { list_add(collecting, variable->name); }

void print_variables(bool exported, bool read_only, const char *prefix) {
  struct list names = {0};
  collecting = &names;
  each_variable(collect_name);
  sort_list(&names, strcmp);
  for (size_t i = 0; i < names.count; i++) {
    struct variable *variable = find_variable(names.items[i]);
    if ((exported && !variable->exported) || (read_only && !variable->read_only)) continue;
    if (variable->value == NULL && !exported && !read_only) continue;
    print("%s%s", prefix, variable->name);
    if (variable->value != NULL) {
      put_char(&out, '=');
      print_quoted(variable->value);
    }
    put_char(&out, '\n');
  }
  release(names.items);
}
