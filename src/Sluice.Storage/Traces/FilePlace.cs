using System.Globalization;
using System.Text;
using Sluice.Formats.Trees;

namespace Sluice.Storage.Traces;

/// <summary>A place in a file of an image.</summary>
/// <param name="Path">From the root, as <c>/usr/bin/env</c>. What is no printable UTF-8 in a name is written <c>\xNN</c>.</param>
/// <param name="Offset">Bytes from the beginning of the file.</param>
public readonly record struct FilePlace(string Path, long Offset)
{
    /// <summary>The path as the image has it.</summary>
    public FileName ToName()
    {
        if (!Path.Contains('\\', StringComparison.Ordinal)) return new FileName(Path);
        List<byte> bytes = [];
        for (int index = 0; index < Path.Length;)
        {
            if (Path.AsSpan(index) is ['\\', 'x', _, _, ..] && byte.TryParse(Path.AsSpan(index + 2, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte one))
            {
                bytes.Add(one);
                index += 4;
                continue;
            }

            int length = char.IsSurrogatePair(Path, index) ? 2 : 1;
            bytes.AddRange(Encoding.UTF8.GetBytes(Path, index, length));
            index += length;
        }

        return new FileName([.. bytes]);
    }
}
