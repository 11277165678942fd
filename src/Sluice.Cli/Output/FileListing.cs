using System.Globalization;
using System.Text;
using Sluice.Build.Look;
using Sluice.Formats.Trees;

namespace Sluice.Cli.Output;

/// <summary>
/// The lines of <c>sluice ls</c>. Names go to pipes and files byte for byte, and to a terminal with escapes for what it must not see.
/// </summary>
internal sealed partial class FileListing(Inode root, ListingForm form) : IDisposable
{
    private readonly BufferedStream _output = new(StandardOutput.Open(), 64 << 10);
    private readonly bool _raw = Console.IsOutputRedirected;
    private readonly IReadOnlyDictionary<Inode, uint>? _links = form == ListingForm.Short ? null : TreeWalk.CountLinks(root);

    public void Write(FileName name, Inode inode)
    {
        if (form == ListingForm.Json)
        {
            WriteJson(name, inode);
            return;
        }

        if (_links is not null) _output.Write(Encoding.UTF8.GetBytes(Details(inode, _links[inode])));
        WriteName(name);
        if (form == ListingForm.Long && inode.Type == FileType.SymbolicLink)
        {
            _output.Write(" -> "u8);
            WriteName(inode.LinkTarget);
        }

        _output.Write("\n"u8);
    }

    /// <summary>Every name below <paramref name="directory"/>, with <paramref name="path"/> before it.</summary>
    public void WriteTree(FileName path, Inode directory, CancellationToken cancellation)
    {
        foreach (TreeEntry entry in TreeWalk.DepthFirst(directory).Skip(1))
        {
            cancellation.ThrowIfCancellationRequested();
            Write(TreeWalk.Join(path, new FileName(entry.Path.Bytes[1..])), entry.Inode);
        }
    }

    public void Dispose() => _output.Dispose();

    private void WriteName(FileName name)
    {
        if (_raw) _output.Write(name.Bytes);
        else _output.Write(Encoding.UTF8.GetBytes(PrintableName.Of(name)));
    }

    private static string Details(Inode inode, uint links)
    {
        bool device = inode.Type is FileType.CharacterDevice or FileType.BlockDevice;
        string size = device ? $"{inode.Device.Major}, {inode.Device.Minor}" : inode.Size.ToString(CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"{ModeOf(inode)} {links,4} {inode.UserId,5} {inode.GroupId,5} {size,12} {TimeOf(inode.ModificationTime)} ");
    }

    private static string TimeOf(FileTime time)
    {
        const long First = -62135596800, Last = 253402300799; // years 1 to 9999
        return time.Seconds is < First or > Last
            ? $"@{time.Seconds}"
            : DateTimeOffset.FromUnixTimeSeconds(time.Seconds).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
    }

    private static string ModeOf(Inode inode)
    {
        Span<char> text = stackalloc char[10];
        text[0] = inode.Type switch
        {
            FileType.Directory => 'd',
            FileType.SymbolicLink => 'l',
            FileType.CharacterDevice => 'c',
            FileType.BlockDevice => 'b',
            FileType.Fifo => 'p',
            FileType.Socket => 's',
            _ => '-',
        };
        for (int i = 0; i < 9; i++) text[1 + i] = (inode.Mode & (0x100 >> i)) != 0 ? "rwxrwxrwx"[i] : '-';
        SetSpecial(text, 3, inode.Mode, 0x800, 's');
        SetSpecial(text, 6, inode.Mode, 0x400, 's');
        SetSpecial(text, 9, inode.Mode, 0x200, 't');
        return new string(text);
    }

    /// <summary>setuid, setgid and sticky share a place with the execute bit; upper case where that is off.</summary>
    private static void SetSpecial(Span<char> text, int place, ushort mode, int bit, char letter)
    {
        if ((mode & bit) != 0) text[place] = text[place] == 'x' ? letter : char.ToUpperInvariant(letter);
    }
}
