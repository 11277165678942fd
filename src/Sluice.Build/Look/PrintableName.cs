using System.Globalization;
using System.Text;
using Sluice.Formats.Trees;

namespace Sluice.Build.Look;

/// <summary>Names for people: on one line, and without what a terminal would obey.</summary>
public static class PrintableName
{
    /// <summary>What is no printable UTF-8 becomes <c>\xNN</c>; so does the backslash, so that no two names look the same.</summary>
    public static string Of(FileName name) => Of(name.Bytes);

    /// <inheritdoc cref="Of(FileName)"/>
    public static string Of(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            bool valid = Rune.DecodeFromUtf8(bytes, out Rune rune, out int length) == System.Buffers.OperationStatus.Done;
            if (valid && rune.Value != '\\' && IsPrintable(rune)) text.Append(rune);
            else
            {
                foreach (byte b in bytes[..length]) text.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}");
            }

            bytes = bytes[length..];
        }

        return text.ToString();
    }

    /// <summary>Format characters turn the direction of text around.</summary>
    private static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);
}
