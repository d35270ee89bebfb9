// File modes as text (ls(1), chmod(1)).
#include "user.h"

void mode_string(u32 mode, char into[11]) {
  static const char types[] = "?pc?d?b?-?l?s???";
  memcpy(into, "?rwxrwxrwx", 11);
  into[0] = types[mode >> 12 & 15];
  for (int bit = 0; bit < 9; bit++) {
    if ((mode & (0400 >> bit)) == 0) into[bit + 1] = '-';
  }
  static const struct { u32 bit; int at; char letter; } special[] = {{S_ISUID, 3, 's'}, {S_ISGID, 6, 's'}, {S_ISVTX, 9, 't'}};
  for (u32 i = 0; i < COUNT(special); i++) {
    char *letter = into + special[i].at;
    if (mode & special[i].bit) *letter = *letter == 'x' ? special[i].letter : to_upper(special[i].letter);
  }
}

// Bits that the letters of a permission stand for, for user, group and others at once.
static int permission_bits(const char **text, int mode, bool is_directory) {
  int bits = 0;
  for (;; (*text)++) {
    switch (**text) {
      case 'r': bits |= 0444; break;
      case 'w': bits |= 0222; break;
      case 'x': bits |= 0111; break;
      case 'X': bits |= is_directory || mode & 0111 ? 0111 : 0; break;
      case 's': bits |= S_ISUID | S_ISGID; break;
      case 't': bits |= S_ISVTX; break;
      case 'u': bits |= (mode >> 6 & 7) * 0111; break;
      case 'g': bits |= (mode >> 3 & 7) * 0111; break;
      case 'o': bits |= (mode & 7) * 0111; break;
      default: return bits;
    }
  }
}

int parse_mode(const char *text, int mode, bool is_directory, int mask) {
  i64 octal;
  if (is_digit(*text)) return parse_number(text, 8, &octal) && octal >= 0 && octal <= 07777 ? octal : -1;
  mode &= 07777;
  for (;;) {
    int who = 0;
    for (;; text++) {
      if (*text == 'u') who |= 0700 | S_ISUID;
      else if (*text == 'g') who |= 0070 | S_ISGID;
      else if (*text == 'o') who |= 0007;
      else if (*text == 'a') who |= 0777 | S_ISUID | S_ISGID;
      else break;
    }
    int chosen = who == 0 ? (07777 & ~mask) : who | S_ISVTX;
    if (*text != '+' && *text != '-' && *text != '=') return -1;
    while (*text == '+' || *text == '-' || *text == '=') {
      char operation = *text++;
      int bits = permission_bits(&text, mode, is_directory) & chosen;
      if (operation == '+') mode |= bits;
      else if (operation == '-') mode &= ~bits;
      else mode = (mode & ~(who == 0 ? 0777 : chosen & ~S_ISVTX)) | bits;
    }
    if (*text == 0) return mode;
    if (*text++ != ',') return -1;
  }
}
