using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Build.Look;
using Sluice.Formats.Trees;

namespace Sluice.Cli.Output;

internal sealed partial class FileListing
{
    /// <summary>JSON has no bytes: names are as <see cref="PrintableName"/> writes them.</summary>
    private void WriteJson(FileName name, Inode inode)
    {
        bool device = inode.Type is FileType.CharacterDevice or FileType.BlockDevice;
        var entry = new Entry(
            PrintableName.Of(name),
            ModeOf(inode),
            _links![inode],
            inode.UserId,
            inode.GroupId,
            inode.Size,
            inode.ModificationTime.Seconds,
            inode.ModificationTime.Nanoseconds,
            inode.Type == FileType.SymbolicLink ? PrintableName.Of(inode.LinkTarget) : null,
            device ? [inode.Device.Major, inode.Device.Minor] : null);
        JsonSerializer.Serialize(_output, entry, ListingJson.Default.Entry);
        _output.Write("\n"u8);
    }

    private sealed record Entry(
        string Name, string Mode, uint Links, uint Uid, uint Gid, long Size, long Mtime, uint MtimeNanoseconds, string? Target, IReadOnlyList<uint>? Device);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(Entry))]
    private sealed partial class ListingJson : JsonSerializerContext;
}
