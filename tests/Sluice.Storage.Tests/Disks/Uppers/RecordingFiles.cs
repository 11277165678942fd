using System.Text;
using Sluice.Formats;
using Sluice.Storage.Disks.Uppers;

namespace Sluice.Storage.Tests.Disks.Uppers;

/// <summary>A directory in memory that records what is done to it.</summary>
internal sealed class RecordingFiles(Dictionary<string, FileImage> images, List<FileOperation> journal) : IUpperFiles
{
    private readonly Dictionary<FileImage, int> _numbers = [];

    public string Name => "memory";

    /// <summary>The next file that is made fails.</summary>
    public bool FailNextCreate { get; set; }

    /// <summary>Called before and after each change of a file.</summary>
    public Action Boundary { get; set; } = () => { };

    public bool Exists(string name) => images.ContainsKey(name);

    public IUpperFile Open(string name, FileMode mode)
    {
        if (images.TryGetValue(name, out FileImage? image))
        {
            if (mode == FileMode.CreateNew) throw new SluiceException(SluiceError.Disk, name, "exists");
        }
        else
        {
            if (mode == FileMode.Open || FailNextCreate) throw new SluiceException(SluiceError.Disk, name, "can't be opened");
            images.Add(name, image = new FileImage());
            journal.Add(new FileOperation(NumberOf(image), FileChange.Create, 0, 0, Encoding.UTF8.GetBytes(name)));
        }

        return new RecordingFile(NumberOf(image), image, journal) { Boundary = Boundary };
    }

    public void Delete(string name)
    {
        if (images.Remove(name, out FileImage? image)) journal.Add(new FileOperation(NumberOf(image), FileChange.Delete, 0, 0, Encoding.UTF8.GetBytes(name)));
    }

    public UpperError Sync()
    {
        journal.Add(new FileOperation(-1, FileChange.SyncDirectory, 0, 0, []));
        return UpperError.None;
    }

    private int NumberOf(FileImage image)
    {
        if (!_numbers.TryGetValue(image, out int number)) _numbers.Add(image, number = _numbers.Count + journal.Count + 1);
        return number;
    }
}
