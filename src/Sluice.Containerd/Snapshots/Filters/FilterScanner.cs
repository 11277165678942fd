using System.Globalization;
using System.Text;
using Sluice.Containerd.Grpc;

namespace Sluice.Containerd.Snapshots.Filters;

/// <summary>
/// Splits a filter into tokens. What a word is depends on its place: after an operator it is a value that ends at a comma or
/// space, elsewhere a field of letters, digits and underscores.
/// </summary>
internal sealed class FilterScanner(string input)
{
    private int _position;

    /// <summary>Text of the last token; quotes and escapes are resolved.</summary>
    public string Text { get; private set; } = "";

    /// <summary>The quote of the last <see cref="FilterToken.Quoted"/>: <c>"</c>, <c>/</c> or <c>|</c>.</summary>
    public char Quote { get; private set; }

    /// <param name="expectValue">True right behind an operator.</param>
    public FilterToken Next(bool expectValue)
    {
        while (_position < input.Length && char.IsWhiteSpace(input[_position])) _position++;
        if (_position == input.Length) return FilterToken.End;
        char first = input[_position];
        if (first is '"' or '/' or '|') return ScanQuoted(first);
        if (first is ',') return Take(1, FilterToken.Comma);
        if (first is '.') return Take(1, FilterToken.Dot);
        if (first is '=' or '!' or '~') return TakeWhile(static c => c is '=' or '!' or '~', FilterToken.Operator);
        if (expectValue && !char.IsControl(first)) return TakeWhile(static c => c != ',' && !char.IsWhiteSpace(c) && !char.IsControl(c), FilterToken.Value);
        if (IsFieldCharacter(first)) return TakeWhile(IsFieldCharacter, FilterToken.Field);
        throw Error("unexpected character");
    }

    public GrpcException Error(string message) =>
        new(GrpcStatusCode.InvalidArgument, string.Create(CultureInfo.InvariantCulture, $"filter '{input}', position {_position}: {message}"));

    private static bool IsFieldCharacter(char c) => c == '_' || char.IsAsciiLetterOrDigit(c);

    private FilterToken Take(int length, FilterToken token)
    {
        Text = input.Substring(_position, length);
        _position += length;
        return token;
    }

    private FilterToken TakeWhile(Func<char, bool> predicate, FilterToken token)
    {
        int end = _position;
        while (end < input.Length && predicate(input[end])) end++;
        return Take(end - _position, token);
    }

    private FilterToken ScanQuoted(char quote)
    {
        StringBuilder text = new();
        Quote = quote;
        _position++;
        while (true)
        {
            if (_position >= input.Length || input[_position] == '\n') throw Error("the quoted text is not closed");
            char c = input[_position++];
            if (c == quote) break;
            if (c == '\\') Unescape(quote, text);
            else text.Append(c);
        }

        Text = text.ToString();
        return FilterToken.Quoted;
    }

    /// <summary>Escapes are those of Go's string literals. Octal and \x name bytes; here only those that are ASCII.</summary>
    private void Unescape(char quote, StringBuilder text)
    {
        if (_position == input.Length) throw Error("the quoted text is not closed");
        char c = input[_position++];
        switch (c)
        {
            case 'a': text.Append('\a'); break;
            case 'b': text.Append('\b'); break;
            case 'f': text.Append('\f'); break;
            case 'n': text.Append('\n'); break;
            case 'r': text.Append('\r'); break;
            case 't': text.Append('\t'); break;
            case 'v': text.Append('\v'); break;
            case '\\': text.Append('\\'); break;
            case 'x': text.Append(Character(Number(2, 16), 0x7f)); break;
            case 'u': text.Append(Character(Number(4, 16), 0xffff)); break;
            case 'U': text.Append(Character(Number(8, 16), 0x10ffff)); break;
            case >= '0' and <= '7':
                _position--;
                text.Append(Character(Number(3, 8), 0x7f));
                break;
            default:
                if (c != quote) throw Error("unknown escape");
                text.Append(c);
                break;
        }
    }

    private string Character(uint number, uint limit) =>
        number <= limit && Rune.IsValid(number) ? new Rune(number).ToString() : throw Error("the escape is not a character");

    private uint Number(int digits, uint radix)
    {
        uint number = 0;
        for (int i = 0; i < digits; i++)
        {
            int digit = _position < input.Length && char.IsAsciiHexDigit(input[_position]) ? Convert.ToInt32(input.Substring(_position, 1), 16) : int.MaxValue;
            if (digit >= radix) throw Error("an escape has too few digits");
            number = (number * radix) + (uint)digit;
            _position++;
        }

        return number;
    }
}
